"""Settings from the environment (``ANES_*``); the command line wins over them."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """``ANES_ROOT``: folder or fsspec URL that holds the versions. Default ``./data``.
    ``ANES_CACHE``: folder of the cache of model replies, on a local disk. Default ``{root}/.cache``.

    For PubMed by query: ``ANES_NCBI_EMAIL`` (NCBI wants one with each request), ``ANES_NCBI_API_KEY`` (ten
    requests a second instead of three), ``ANES_EUTILS_URL`` (a mirror of NCBI's E-utilities).
    """

    model_config = SettingsConfigDict(env_prefix="ANES_")

    root: str = "./data"
    cache: str | None = None
    ncbi_email: str | None = None
    ncbi_api_key: SecretStr | None = None
    eutils_url: str = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
