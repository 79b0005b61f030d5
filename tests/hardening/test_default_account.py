"""Guide 3: before firmware 2.0 a unit has a default account, and asks whoever logs in with it for another password."""

import pytest

from fixtures.marks import alone, control, needs
from fixtures.web import gets_in
from nportlab.unit.answers import pop_ups
from nportlab.unit.endpoint import Account
from nportlab.unit.flavour_1x import DEFAULT_ACCOUNT
from nportlab.verdicts.faults import Inconclusive, NotApplicable

pytestmark = [pytest.mark.auth, pytest.mark.destructive]

OTHER_CASES = [("Admin", "Moxa"), ("ADMIN", "MOXA"), ("admin", "MOXA"), ("ADMIN", "moxa")]


@pytest.fixture
def reset_unit(unit):
    """The unit after a factory reset, before anybody has logged in. It has the account of lab.yaml again afterwards."""
    if (unit.account.username, unit.account.password) == DEFAULT_ACCOUNT:
        raise NotApplicable("lab.yaml leaves the unit its default password; give it one of its own")
    unit.factory_reset(account=False)
    yield unit
    unit.leave_further_consoles()
    unit.ensure_account(fresh=True)


@control("ACC-02")
@alone(restarts=1)
@needs(before="2.0", allow=("factory-reset",))
def test_after_a_reset_admin_and_moxa_log_in_and_only_in_lower_case(reset_unit):
    taken = [case for case in OTHER_CASES if gets_in(reset_unit.new_console(Account(*case)))]
    assert gets_in(reset_unit.new_console(Account(*DEFAULT_ACCOUNT))), "the default account is refused after the reset"
    assert taken == [], f"the unit takes the default account in another case: {taken}"


@control("ACC-03")
@alone(restarts=1)
@needs(before="2.0", allow=("factory-reset",))
def test_a_pop_up_asks_for_another_password_until_there_is_one(reset_unit):
    user, password = DEFAULT_ACCOUNT
    new = reset_unit.account.password
    default = Account(user, password)
    if not gets_in(reset_unit.new_console(default)):
        raise Inconclusive("the default account is refused after the reset")
    console = reset_unit.new_console(default)
    assert reminders(console), "no pop-up asks to change the default password"
    console.change_password_1x(password, new)
    console.logout()
    console = reset_unit.new_console(Account(user, new))
    assert reminders(console) == [], "the password was changed, and a pop-up still asks for that"
    console.logout()


def reminders(console):
    """What the pages after a login pop up about changing the password."""
    console.login()
    documents = console.session.flavour.menu_documents(console.session.client)
    shown = [text for document in documents for text in pop_ups(document)]
    return [text for text in shown if "password" in text.casefold() and "chang" in text.casefold()]
