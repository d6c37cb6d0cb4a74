"""Who the person before the browser is, and how an owner signs in."""

import os

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emotion_core import access
from emotion_core.access import Action, Attempts, Connection, Role
from emotion_core.errors import AccessError
from emotion_core.passwords import stored_password, verify_password

_SIGNED_IN = "access-signed-in"
_PASSWORD = "access-password"
_REFUSED = "access-refused"
_attempts = Attempts()  # of all sessions together: a guesser opens many


def install() -> None:
    """Make guarded functions of the core ask for the role of the session that calls them."""
    access.set_resolver(session_role, is_at_computer)


def session_role() -> Role:
    """The role of the session whose script runs; the owner's in a thread without one.

    Such a thread was started by an action that was allowed.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return Role.OWNER
    mode = _mode()
    if mode == "owner" or _is_signed_in():
        return Role.OWNER
    return Role.OWNER if mode == "auto" and access.is_local(_connection()) else Role.DEMO


def offers(action: Action, *, says: bool = True) -> bool:
    """Whether the page shows this session the controls for something.

    Every control that writes stands behind this question; the core refuses the call as well.

    Args:
        action: What the controls do.
        says: Where they are left out, a sentence tells whose they are.
    """
    if access.allowed(action):
        return True
    if says:
        st.caption(f":material/lock: {access.refusal(action)}")
    return False


def is_at_computer() -> bool:
    """Whether the person before the browser sits at the computer that runs the dashboard.

    A thread without a session was started by an action that was allowed, and is not restricted.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return True
    return access.is_local(_connection())


def show_access() -> None:
    """In the menu: that this is a demo, and the way in for its owner; nothing for a local owner."""
    if session_role() is Role.OWNER:
        if _is_signed_in():
            st.button("Sign out", key="access-out", type="tertiary", on_click=_sign_out)
        return
    st.caption(
        ":material/visibility: Demo mode: look, compare and try Live. Training and other changes "
        "are the owner's."
    )
    if _has_oidc():
        st.button("Sign in", key="access-oidc", icon=":material/login:", on_click=st.login)
    elif os.environ.get("EMOTION_PASSWORD_FILE"):
        with st.popover("Sign in", icon=":material/login:"):
            _show_password_form()


def _show_password_form() -> None:
    if not (access.is_encrypted(_connection()) or access.is_local(_connection())):
        st.warning(
            "Signing in needs HTTPS: over this connection others could read the password.",
            icon=":material/lock_open:",
        )
        return
    with st.form("access-form", border=False):
        st.text_input("Owner's password", type="password", key=_PASSWORD)
        st.form_submit_button("Sign in", on_click=_check_password)
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(refused)


def _check_password() -> None:
    typed = st.session_state.get(_PASSWORD, "")
    st.session_state[_PASSWORD] = ""  # kept nowhere, whatever comes of it
    try:
        if _attempts.attempt(lambda: verify_password(typed, stored_password())):
            st.session_state[_SIGNED_IN] = True
        else:
            st.session_state[_REFUSED] = "Wrong password."
    except AccessError as error:
        st.session_state[_REFUSED] = str(error)


def _sign_out() -> None:
    st.session_state.pop(_SIGNED_IN, None)
    if _has_oidc():
        st.logout()


def _is_signed_in() -> bool:
    if st.session_state.get(_SIGNED_IN):
        return True
    if not _has_oidc() or not getattr(st.user, "is_logged_in", False):
        return False
    owners = st.secrets.get("access", {}).get("owners", [])
    email = str(st.user.get("email") or "")
    return st.user.get("email_verified") is True and email.lower() in {
        str(owner).lower() for owner in owners
    }


def _has_oidc() -> bool:
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def _mode() -> str:
    """``auto``, or what ``EMOTION_ACCESS`` sets for every visitor: ``owner`` or ``demo``."""
    mode = os.environ.get("EMOTION_ACCESS") or "auto"
    return mode if mode in ("auto", "owner") else "demo"  # a misspelt one opens nothing


def _connection() -> Connection:
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    return Connection(
        address=st.get_option("server.address") or "",
        hosts=tuple(st.get_option("server.allowedHosts") or ()),
        headers=headers,
        remote=st.context.ip_address or "",
    )
