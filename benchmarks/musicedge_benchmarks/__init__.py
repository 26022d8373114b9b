"""Benchmarks: cold start, throughput, front-end speed and memory, as ratios that hold anywhere."""
