"""A LangChain model through a fleet of keys. `python examples/langchain_model.py docs/fleet.toml`."""

import sys

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from actorrouter import open_router_blocking

with open_router_blocking(sys.argv[1]) as router:
    model = ChatOpenAI(model="chat", api_key=SecretStr("unused"), http_client=router.http_client())
    for answer in model.batch(["Hello", "Bonjour"], max_tokens=5):
        print(answer.content)
