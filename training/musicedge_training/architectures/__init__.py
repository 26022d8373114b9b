"""The network architectures, each readable in one sitting."""
