# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault of tests/tools/break_it.py still names a line of our code and a test, so that it is not found stale when someone needs it."""

import pytest

from break_it import FAULTS, ROOT, Fault


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_names_a_line_and_a_test(fault: Fault) -> None:
    assert (ROOT / fault.path).read_text().count(fault.line) == 1
    file, _, test = fault.test.partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text() if test else (ROOT / file).exists()
