"""A release: wheel, source, an SBOM, and one archive that has all that one needs to run the collector.

`python -m lab.release` (make dist) builds them into dist/, tries them in an empty environment, and looks whether the
locked wheels are there for aarch64. What is built twice is the same to the byte: times are those of the changelog.
"""
