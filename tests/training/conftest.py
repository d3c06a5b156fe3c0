import pytest

from tests.environments import UnavailableError
from tests.training.jobs import drivers_python, toolkit_python


@pytest.fixture(scope="session")
def peers() -> None:
    """The real training peers, or a reason why this machine has none."""
    try:
        toolkit_python()
        drivers_python()
    except UnavailableError as error:
        pytest.skip(str(error))
