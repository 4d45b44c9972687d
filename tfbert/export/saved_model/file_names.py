"""Files in a version's folder that TF Serving reads beside the SavedModel itself."""

WARM_UP = "assets.extra/tf_serving_warmup_requests"  # a TFRecord of PredictionLog
MAX_WARM_UP_REQUESTS = 1000  # TF Serving refuses to load a folder with more
BATCHING = "batching_params.pbtxt"  # a text proto, read with --enable_per_model_batching_parameters
