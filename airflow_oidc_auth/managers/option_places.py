"""Where options of Airflow's configuration stand that had another name before: Airflow still reads them by it."""

from __future__ import annotations

from airflow.configuration import conf


def place_of(section: str, option: str) -> tuple[str, str]:
    """Return the section and the option that Airflow reads when it is asked for these.

    :param section: in lower case
    :param option: likewise
    """
    renamed: str | None = conf.inversed_deprecated_sections.get(section)
    if renamed is not None:
        return renamed, option
    moved: tuple[str, str] = conf.inversed_deprecated_options.get((section, option), (section, option))
    return moved
