"""The HTTP client that calls a customer's URLs: it sends one request, and leaves the rest to its caller."""

import requests


class Session(requests.Session):
    """Keeps cookies and connections, uses no proxy, follows nothing."""

    def __init__(self) -> None:
        super().__init__()
        # A proxy configured for this machine must not come between two local programs.
        self.trust_env = False

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: the library would prepare the next request even if it is not to follow, and may fail."""
