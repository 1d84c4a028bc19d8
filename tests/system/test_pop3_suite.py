"""POP3 as the RFCs have it and as published vulnerabilities taught it, judged from outside: each case is a
row of a table in pop3_cases_*.py, a session of its own of a subscriber of its own. Messages, mailboxes and
sessions that need more than rows stand in the other files of the suite."""

import pytest

import pop3_cases_auth
import pop3_cases_commands
import pop3_cases_lines
import pop3_cases_login
import pop3_cases_numbers
from pop3_cases import parameters, play
from pop3_host import running


@pytest.fixture(scope="module")
def host():
    with running() as made:
        yield made


@pytest.mark.parametrize("case", parameters(pop3_cases_lines.CASES, pop3_cases_commands.CASES,
                                            pop3_cases_numbers.CASES, pop3_cases_login.CASES,
                                            pop3_cases_auth.CASES))
def test_case(host, case):
    play(host, case)
