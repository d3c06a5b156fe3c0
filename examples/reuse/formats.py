"""One declaration that a team shares."""

DECLARATION = {"accepts": ["csv", "json", "npy"], "returns": ["json", "csv"]}
