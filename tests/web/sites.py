"""Sites on a test server.

danbooru(web, [Post(7, content, tags=("1girl", "solo"))])
"""

from tests.web.boards import danbooru, gelbooru, moebooru
from tests.web.gallery import gallery
from tests.web.posts import Post
from tests.web.wiki import commons

__all__ = ["Post", "commons", "danbooru", "gallery", "gelbooru", "moebooru"]
