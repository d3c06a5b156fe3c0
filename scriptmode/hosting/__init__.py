"""Scripts over HTTP, after SageMaker's hosting contract."""
