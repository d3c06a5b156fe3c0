from scriptmode import compose
from scriptmode.serializers.csv import CSV

model_fn, input_fn, predict_fn, output_fn = compose(
    "xgboost",
    accepts=[
        *(CSV(header="auto"), "json", "tsv", "jsonlines", "npy", "npz", "parquet", "arrow"),
        *("feather", "libsvm", "recordio", "msgpack", "form", "multipart"),
    ],
    returns=["json", "csv", "jsonlines", "npy", "npz", "parquet", "arrow", "msgpack", "recordio"],
)
