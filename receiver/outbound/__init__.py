"""What all requests that go out share, and the fetch of what somebody else linked to."""
