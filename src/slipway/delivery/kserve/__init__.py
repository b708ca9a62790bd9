"""KServe: a canary of one `InferenceService` with Knative, two of them behind a route without."""
