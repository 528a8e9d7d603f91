"""The image and its compose files, run by podman on stand-ins for the official images: `make image-test`."""
