# SECRET=whsec_… flask --app hook.py run --port 3000
import os
from pathlib import Path

from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError

app = Flask(__name__)
webhook = Webhook(os.environ["SECRET"])


@app.post("/hook")
def hook() -> tuple[str, int]:
    try:
        webhook.verify(request.get_data(), dict(request.headers))
    except (WebhookVerificationError, ValueError):  # ValueError: not even the form is right
        return "", 401
    file = Path("inbox", request.headers["webhook-id"] + ".json")
    if not file.exists():
        part = file.with_suffix(".part")
        part.write_bytes(request.get_data())
        part.rename(file)
    return "", 204
