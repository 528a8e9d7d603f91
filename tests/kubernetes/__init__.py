"""deploy/kubernetes, rendered by kustomize: schema, policies, and what it says: `make kubernetes-test`."""
