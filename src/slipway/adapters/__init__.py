"""The outside world: git, the store, Ray, MLflow. One module each; decisions are made elsewhere."""
