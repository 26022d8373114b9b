// Tells genre and mood of the first 10 s of a WAV file, with plain onnxruntime and nothing of musicedge:
//   musicedge export cnn --input waveform
//   npm install
//   node classify.mjs cnn.fp32.waveform song.wav
// The file must be mono, 16 bit, at the model's sample rate: ffmpeg -i song.mp3 -ac 1 -ar 32000 song.wav
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

const [model, song] = process.argv.slice(2);
const card = JSON.parse(readFileSync(`${model}.json`, "utf8"));
const session = await ort.InferenceSession.create(readFileSync(`${model}.onnx`));

const wav = readFileSync(song);
let chunk = 12;
while (wav.toString("latin1", chunk, chunk + 4) !== "data") chunk += 8 + wav.readUInt32LE(chunk + 4);
const [channels, rate, bits] = [wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt16LE(34)];
if (channels !== 1 || rate !== card.frontend.sample_rate || bits !== 16)
  throw new Error(`${song}: must be mono, ${card.frontend.sample_rate} Hz, 16 bit`);

const length = card.window_frames * card.frontend.hop_length;
if (wav.readUInt32LE(chunk + 4) < 2 * length) throw new Error(`${song}: shorter than a window`);
const samples = Float32Array.from({ length }, (_, i) => wav.readInt16LE(chunk + 8 + 2 * i) / 32768);

const results = await session.run({ waveform: new ort.Tensor("float32", samples, [1, length]) });
const scores = results.genre_scores.data;
const genre = card.heads[0].labels.map((label, i) => ({ label, score: scores[i] }));
const { music, valence, arousal, danceability } = results;
console.log(JSON.stringify({
  music: music.data[0],
  genre: genre.sort((a, b) => b.score - a.score),
  valence: valence.data[0], arousal: arousal.data[0], danceability: danceability.data[0],
}, null, 2));
