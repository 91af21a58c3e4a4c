"""Settings from the environment (``ANES_*``); the command line wins over them."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """``ANES_ROOT``: folder or fsspec URL that holds the versions. Default ``./data``."""

    model_config = SettingsConfigDict(env_prefix="ANES_")

    root: str = "./data"
