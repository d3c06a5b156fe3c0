from formats import DECLARATION

from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose(
    "sklearn", **DECLARATION, trusted=["sklearn.tree._tree.Tree"]
)
