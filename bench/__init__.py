"""What the product costs, measured from outside: `make bench` writes docs/benchmarks.md."""
