"""The real service, without its question which of torch and TensorFlow is there."""

from sagemaker_huggingface_inference_toolkit import handler_service


class Service(handler_service.HuggingFaceHandlerService):
    def get_device(self) -> int:
        return -1
