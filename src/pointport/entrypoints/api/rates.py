"""How often a key may ask (contract.md 8, row 29)."""

from uuid import UUID

from pointport.errors import TooManyRequests


class Rates:
    """Counts the requests of each key in this process, and refuses those over the limit of a minute."""

    def __init__(self, requests_per_minute_max: int) -> None:
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self._limit = RateLimitItemPerMinute(requests_per_minute_max)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, key_id: UUID) -> None:
        """Count a request. Raises TooManyRequests for one too many."""
        if not self._limiter.hit(self._limit, str(key_id)):
            raise TooManyRequests(
                f"the API key has made more than {self._limit.amount} requests in a minute; wait a minute and go on"
            )
