"""Flask under gunicorn with gevent, as SageMaker's images for XGBoost and scikit-learn have it.

Decoding, predicting, the options of gunicorn and, with ``nginx``, the proxy in front and its log
are what they do, written again.
"""
# mypy: disable-error-code="import-not-found", allow-untyped-decorators
# Flask lives in an environment of its own, which a check does not see.

import csv
import getpass
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from flask import Flask, Response, request

app = Flask(__name__)
booster = xgb.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})


@app.post("/invocations")
def invocations() -> Response:
    text = request.get_data(as_text=True)
    is_csv = request.content_type == "text/csv"
    table = csv_to_array(text) if is_csv else np.array(json.loads(text))
    predictions = booster.predict(xgb.DMatrix(table), validate_features=False)
    return Response(json.dumps(predictions.tolist()), mimetype="application/json")


def csv_to_array(text: str) -> Any:
    lines = text.strip().split("\n")
    delimiter = csv.Sniffer().sniff(lines[0][:512]).delimiter
    rows = [[cell or "nan" for cell in line.split(delimiter)] for line in lines]
    return np.array(rows).astype(float)


NGINX = """
daemon off;
worker_processes auto;
user {user};
pid {folder}/nginx.pid;
error_log /dev/stderr;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log /dev/stderr combined;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/answers;
  fastcgi_temp_path {folder}/unused;
  scgi_temp_path {folder}/unused;
  uwsgi_temp_path {folder}/unused;
  upstream gunicorn {{ server unix:{folder}/gunicorn.sock; }}
  server {{
    listen 127.0.0.1:{port} deferred;
    client_max_body_size 0;
    keepalive_timeout 3;
    location ~ ^/(ping|invocations|execution-parameters) {{
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Host $http_host;
      proxy_redirect off;
      proxy_read_timeout 60s;
      proxy_pass http://gunicorn;
    }}
  }}
}}
"""


def start_nginx(port: str) -> str:
    """The proxy of the images, configured as there; returns what it asks."""
    folder = tempfile.mkdtemp()
    config = Path(folder, "nginx.conf")
    config.write_text(NGINX.format(user=getpass.getuser(), folder=folder, port=port))
    subprocess.Popen(["nginx", "-e", "stderr", "-c", str(config)])
    return f"unix:{folder}/gunicorn.sock"


if __name__ == "__main__":
    is_behind_nginx = "nginx" in sys.argv[2:]
    bound = start_nginx(sys.argv[1]) if is_behind_nginx else f"127.0.0.1:{sys.argv[1]}"
    options = ["--worker-class", "gevent", "--workers", "1", "--worker-connections", "1000"]
    place = ["--timeout", "60", "--no-control-socket", "--bind", bound]
    here = ["--chdir", str(Path(__file__).parent), "flask_app:app"]
    os.execvp("gunicorn", ["gunicorn", *options, *place, *here])
