"""The side of the sources: Flux out, annotated CSV in, blocks on."""
