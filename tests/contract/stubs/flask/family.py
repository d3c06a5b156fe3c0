"""The images' own WSGI application, of the same objects: named by SAGEMAKER_SERVING_MODULE."""

import functools
import importlib

from sagemaker_containers.beta.framework import env, transformer, worker

NAMES = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


@functools.lru_cache(maxsize=None)  # noqa: UP033 - as there
def build():
    name = env.ServingEnv().module_name
    user = importlib.import_module(name)
    functions = {each: getattr(user, each) for each in NAMES if hasattr(user, each)}
    made = transformer.Transformer(**functions)
    made.initialize()
    return worker.Worker(transform_fn=made.transform, module_name=name)


def app(environ, start_response):
    return build()(environ, start_response)
