"""The search as a KubeRay `RayJob`: the document, its state, the cluster that keeps it, and the wait for its end.

It asks for the state every two seconds, and watches nothing. What it acts on is what is, so there is no gap between
two watches to miss something in, a dropped connection is one question asked again, and a role without `watch` does.
"""
