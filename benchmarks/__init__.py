"""Speed and memory, as ratios against what a user would pick instead, measured in the same run."""
