"""Texts of the Telnet and SSH consoles; all invented (see text_console.yaml)."""

from functools import cache

from nportlab.guide.rows import SourcedRow, read_yaml


class TextConsole(SourcedRow):
    """Prompts and lines. Texts in braces are filled in with str.format; `newline` ends every line sent."""

    banner: str
    login: str
    password: str
    login_failed: str
    locked: str
    first_boot: str
    logged_out: str
    idle: str
    page_title: str
    main_menu_title: str
    line: str
    menu_line: str
    selection: str
    bad_selection: str
    main_menu_key: str
    main_menu_label: str
    quit_key: str
    quit_label: str
    restart_key: str
    restart_label: str
    view_key: str
    view_label: str
    choice_title: str
    choice_line: str
    choice_prompt: str
    new_value: str
    saved: str
    saved_at_once: str
    refused: str
    secret_shown: str
    restart_question: str
    restarting: str
    identity: tuple[str, ...]
    ssh_version: str
    newline: str


@cache
def text_console() -> TextConsole:
    """The texts, loaded once."""
    return TextConsole(**read_yaml("text_console.yaml"))
