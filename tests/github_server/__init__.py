"""A GitHub of the tests' own: it keeps state, answers by GitHub's paths over real HTTP, and fails as it is told."""

from tests.github_server.access import Request
from tests.github_server.faults import Fault
from tests.github_server.server import FakeGitHub
from tests.github_server.state import ACTIONS, TOKEN, Comment, Issue, Pull, Run, State, archive

__all__ = ["ACTIONS", "TOKEN", "Comment", "FakeGitHub", "Fault", "Issue", "Pull", "Request", "Run", "State", "archive"]
