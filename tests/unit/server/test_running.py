# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cell outputs belongs to its document: with real kernels, as pages run cells. Requirement V5."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import plain_http
from jupyterhub_collab.server.running import DIED, KILLED, MOST_BYTES, STOPPED, TOO_LONG
from kernel_page import KernelPage, kernel_page
from local_server import PATIENCE, TOKEN, LocalServer, server_with
from open_files import copies, notebook, told
from people.room import Room
from people.sockets import Door

pytestmark = pytest.mark.anyio
COUNTS = "import time\nfor i in range(15):\n    print('line', i, flush=True); time.sleep(0.1)"
LINES = "".join(f"line {i}\n" for i in range(15))
# The same, and waits for a file named `go` before line 10: for tests in which something has to happen while the cell runs.
WAITS = f"import pathlib\n{COUNTS}\n    while i == 9 and not pathlib.Path('go').exists(): time.sleep(0.05)"


@dataclass
class Scene:
    """A notebook that alice and bob have open, and alice's connection to its kernel. cells: the IDs of its cells."""

    server: LocalServer
    cells: list[str]
    alice: Room
    bob: Room
    page: KernelPage

    async def run(self, index: int = 0) -> None:
        """Run a cell on alice's page, and wait until the kernel has replied and bob sees that the cell has ended."""
        await self.page.until_done(await self.page.run(self.alice.read(index), self.cells[index]))
        await self.bob.wait_until(lambda room: room.cells[index]["execution_count"] is not None)

    async def until_bob(self, text: str, index: int = 0) -> None:
        await self.bob.wait_until(lambda room: text in printed(room, index))


@asynccontextmanager
async def scene(server: LocalServer, *sources: str) -> AsyncIterator[Scene]:
    book = notebook(*sources)
    server.write("run.ipynb", json.dumps(book))
    alice, bob = await server.open("run.ipynb"), await server.open("run.ipynb", "bob")
    async with kernel_page(server, "run.ipynb") as page:
        yield Scene(server, [str(each["id"]) for each in book["cells"]], alice, bob, page)
        for room in (alice, bob):
            with contextlib.suppress(AttributeError):
                await room.vanish()


def printed(room: Room, index: int = 0) -> str:
    """Return what a cell shows, as text."""
    return as_text(room.cells[index]["outputs"])


def as_text(outputs: list[dict[str, Any]]) -> str:
    parts = (
        each.get("text", each.get("data", {}).get("text/plain", each.get("evalue", ""))) for each in outputs
    )
    return "".join(part if isinstance(part, str) else "".join(part) for part in parts)


def saved(server: LocalServer, index: int = 0, name: str = "run.ipynb") -> str:
    """Return the output that a cell has in the file, as text; nothing while the file is being written."""
    try:
        return as_text(json.loads(server.read(name))["cells"][index]["outputs"])
    except ValueError:
        return ""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.05)


async def test_output_is_saved_when_all_tabs_close(tmp_path: Path) -> None:
    """All tabs close while a cell runs. It goes on, although documents close after 0.1 s, and all of its output is in the file once."""
    server = LocalServer(tmp_path, "--YDocExtension.document_cleanup_delay=0.1")
    server.start()
    try:
        async with scene(server, WAITS) as there:
            await there.page.run(WAITS, there.cells[0])
            await there.until_bob("line 2\n")
            await there.alice.vanish()
            await asyncio.sleep(0.3)
            await there.bob.vanish()
        await asyncio.sleep(1)
        again = await server.open("run.ipynb", "carol")
        await again.wait_until(lambda room: "line 9\n" in printed(room))
        assert "line 10\n" not in printed(again)
        again.insert(0, "# typed\n", 0)
        await again.leave()
        await asyncio.sleep(1)
        server.write("go", "")
        await until(lambda: "line 14\n" in saved(server))
        assert saved(server) == LINES
        assert "# typed" in server.read("run.ipynb")
        assert copies(server) == []
        await until(lambda: "Deleting Y document from memory" in server.log)
    finally:
        server.kill()


async def test_page_writes_output_if_the_administrator_wants_it(tmp_path: Path) -> None:
    """With `jupyterhub_rtc_server_output: false`, the page gets the output, and the server writes none."""
    server = LocalServer(tmp_path, output=False)
    server.start()
    try:
        async with scene(server, "print('one')") as there:
            asked = await there.page.run("print('one')", there.cells[0])
            await there.page.until_done(asked)
            assert there.page.outputs(asked) == ["stream"]
            assert printed(there.bob) == ""
    finally:
        server.kill()


async def test_everyone_sees_output_as_it_comes(server: LocalServer) -> None:
    """Bob sees each line while the cell runs. The page that runs the cell gets no output from the kernel, so nothing is there twice."""
    async with scene(server, WAITS) as there:
        asked = await there.page.run(WAITS, there.cells[0])
        await there.until_bob("line 9\n")
        assert "line 10\n" not in printed(there.bob)
        server.write("go", "")
        await there.page.until_done(asked)
        await there.until_bob("line 14\n")
        assert printed(there.bob) == LINES
        assert there.page.outputs(asked) == []


async def test_network_restarts(server: LocalServer) -> None:
    """The page that runs a cell loses its connections and comes back. Nothing is lost, and nothing is there twice."""
    async with scene(server, WAITS) as there:
        asked = await there.page.run(WAITS, there.cells[0])
        await there.until_bob("line 2\n")
        await there.alice.drop()
        await there.page.close()
        await there.until_bob("line 9\n")
        await there.alice.join()
        await there.page.open()
        server.write("go", "")
        await there.page.until_done(asked)
        await there.until_bob("line 14\n")
        await until(lambda: saved(server) == LINES)
        assert printed(there.alice) == LINES
        assert there.page.outputs(asked) == []


@pytest.mark.long
async def test_renamed_while_a_cell_runs(server: LocalServer) -> None:
    async with scene(server, WAITS) as there:
        await there.page.run(WAITS, there.cells[0])
        await there.until_bob("line 1\n")
        server.ask("PATCH", f"api/contents/{server.path('run.ipynb')}", {"path": server.path("new.ipynb")})
        server.write("go", "")
        await until(lambda: saved(server, name="new.ipynb") == LINES)


CLEAR = "from IPython.display import clear_output\nprint('old', flush=True); clear_output({}); print('new')"
SHOWN = {
    "print('a'); print('b')\n1 + 1": "a\nb\n2",
    "for i in range(3): print(f'\\r{i} %', end='', flush=True)": "2 %",
    "print('ab\\bc\\n\\r'); print('é\\rx')": "ac\n\nx\n",
    CLEAR.format(""): "new\n",
    CLEAR.format("wait=True"): "new\n",
    "import IPython.display as d\nh = d.display(1, display_id=True)\nprint('x')\nh.update(2)": "2x\n",
    "import sys; print('a', flush=True); print('b', file=sys.stderr, flush=True); print('c')": "a\nb\nc\n",
    "print('before')\n1/0": "before\ndivision by zero",
}


async def test_output_is_as_jupyterlab_shows_it(server: LocalServer) -> None:
    """Results, progress, control characters, cleared and changed output, streams, and errors."""
    async with scene(server, *SHOWN) as there:
        for index, expected in enumerate(SHOWN.values()):
            await there.run(index)
            await there.bob.wait_until(lambda room, at=index, all_=expected: printed(room, at) == all_)  # type: ignore[misc]
        await until(lambda: [saved(server, index) for index in range(len(SHOWN))] == [*SHOWN.values()])


async def test_output_of_an_earlier_cell_changes(server: LocalServer) -> None:
    """A later cell updates what an earlier one displays."""
    first = "import IPython.display as d\nh = d.display('one', display_id=True)"
    async with scene(server, first, "h.update('two')") as there:
        await there.run(0)
        await there.until_bob("'one'", 0)
        await there.run(1)
        await there.until_bob("'two'", 0)
        assert printed(there.bob, 1) == ""


async def test_second_run_replaces_the_output(server: LocalServer) -> None:
    """The server removes the earlier output even if the page does not."""
    async with scene(server, "print(input_count := globals().get('input_count', 0) + 1)") as there:
        for number in ("1\n", "2\n"):
            await there.run()
            await until(lambda number=number: printed(there.bob) == number)  # type: ignore[misc]


# Notes that the server looks for text that was removed unseen.
LOOKS = """
from jupyterhub_collab.server import rescue

unseen = rescue.unseen


def noted(*arguments):
    open("looked", "w").close()
    return unseen(*arguments)


rescue.unseen = noted
"""


async def test_run_is_no_loss_of_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page changes what the server changes too, before it hears of it. Nobody has lost text, so the server does not look for any.

    At the end, someone has: they type into a cell that another person deletes.
    """
    with server_with(tmp_path, monkeypatch, LOOKS) as server:
        async with told(server) as notices, scene(server, "print('out')") as there:
            for _run in range(3):
                for page in (there.alice, there.bob):
                    page.lag()
                    await there.page.until_done(await there.page.run("print('out')", there.cells[0]))
                    await until(lambda: saved(server) == "out\n")
                    page.begin_run(0)
                    await page.join()
            there.bob.insert(0, "# typed\n", 0)
            await until(lambda: "# typed" in server.read("run.ipynb"))
            assert not (server.files / "looked").exists()
            assert notices == []

            there.alice.lag()
            there.bob.insert(0, "# unseen\n", 0)
            await there.bob.wait_until(lambda room: "# unseen" in room.read(0))
            there.alice.delete_cell(0)
            await until((server.files / "looked").exists)


async def test_two_people_run_cells_at_once(server: LocalServer) -> None:
    async with (
        scene(server, COUNTS, "print('second')") as there,
        kernel_page(server, "run.ipynb", there.page.kernel) as other,
    ):
        await there.page.run(COUNTS, there.cells[0])
        asked = await other.run("print('second')", there.cells[1])
        await other.until_done(asked)
        await there.until_bob("second\n", 1)
        assert printed(there.bob, 0) == LINES
        assert other.outputs(asked) == []


async def test_output_of_others_reaches_a_page(server: LocalServer) -> None:
    """A console that shows all activity of the kernel still gets the output of cells that others run."""
    async with (
        scene(server, "print('hello')") as there,
        kernel_page(server, "run.ipynb", there.page.kernel) as console,
    ):
        await console.until_done(await console.run("", ""))  # from now on, it hears the kernel
        asked = await there.page.run("print('hello')", there.cells[0])
        await console.until(
            lambda each: each["parent_header"].get("msg_id") == asked and "text" in each["content"]
        )


async def test_code_without_a_cell_is_answered_as_before(server: LocalServer) -> None:
    """What is no cell of an open notebook, such as a console's code, is not the server's business."""
    async with scene(server, "") as there:
        for cell in ("", "unknown"):
            asked = await there.page.run("print('hello')", cell)
            await there.page.until_done(asked)
            assert there.page.outputs(asked) == ["stream"]
        assert printed(there.bob) == ""


@pytest.mark.long
async def test_interrupted_cell(server: LocalServer) -> None:
    async with scene(server, "print('go', flush=True)\nimport time; time.sleep(100)") as there:
        asked = await there.page.run(there.alice.read(0), there.cells[0])
        await there.until_bob("go\n")
        plain_http.post(f"{server.address}/api/kernels/{there.page.kernel}/interrupt", headers=TOKEN)
        await there.page.until_done(asked)
        await until(lambda: saved(server).startswith("go\n"))
        await there.bob.wait_until(
            lambda room: room.cells[0]["outputs"][-1].get("ename") == "KeyboardInterrupt"
        )


async def test_question_reaches_the_page(server: LocalServer) -> None:
    async with scene(server, "print('hello', input('name? '))") as there:
        asked = await there.page.run(there.alice.read(0), there.cells[0])
        question = await there.page.until(lambda each: each["header"]["msg_type"] == "input_request")
        assert question["content"]["prompt"] == "name? "
        answer = {
            **question,
            "parent_header": question["header"],
            "content": {"value": "Ada"},
            "channel": "stdin",
        }
        answer["header"] = {**question["header"], "msg_type": "input_reply", "msg_id": "answer"}
        await there.page.send(answer)
        await there.page.until_done(asked)
        await until(lambda: printed(there.bob) == "hello Ada\n")


async def test_cleared_cell_goes_on(server: LocalServer) -> None:
    """Someone clears the output of a running cell, types in it, and the rest appears."""
    async with scene(server, WAITS) as there:
        await there.page.run(WAITS, there.cells[0])
        await there.until_bob("line 5\n")
        there.bob.clear_outputs(0)
        there.bob.insert(0, "# typed\n", 0)
        server.write("go", "")
        await there.until_bob("line 14\n")
        assert "line 1\n" not in printed(there.bob)
        assert LINES.endswith(printed(there.bob))
        await until(lambda: saved(server) == printed(there.bob))
        assert there.bob.read(0) == f"# typed\n{WAITS}"


@pytest.mark.long
async def test_deleted_cell(server: LocalServer) -> None:
    """Someone deletes a cell that runs. Its output is gone, and the next cells run as before."""
    async with scene(server, WAITS, "print('next')") as there:
        asked = await there.page.run(WAITS, there.cells[0])
        await there.until_bob("line 1\n")
        there.bob.delete_cell(0)
        server.write("go", "")
        await there.page.until_done(asked)
        await there.page.until_done(await there.page.run("print('next')", there.cells[1]))
        await there.until_bob("next\n", 0)


async def test_kernel_dies(server: LocalServer) -> None:
    """The cell says so, in the file too. The restarted kernel's output is written again."""
    async with scene(
        server, "print('go', flush=True)\nimport os, time; time.sleep(1); os.kill(os.getpid(), 9)", "print(1)"
    ) as there:
        await there.page.run(there.alice.read(0), there.cells[0])
        await there.until_bob(DIED)
        await until(lambda: saved(server) == f"go\n{DIED}")
        await there.page.until(lambda each: each["content"].get("execution_state") == "restarting")
        async with kernel_page(server, "run.ipynb", there.page.kernel) as again:
            asked = await again.run("print(1)", there.cells[1])
            await again.until_done(asked)
            await there.until_bob("1\n", 1)
            assert again.outputs(asked) == []


async def test_restarted_kernel(server: LocalServer) -> None:
    """The kernel is restarted while a cell runs. The same page runs the next cell, and the server writes its output.

    JupyterLab's page reconnects after a restart that it has asked for. What it sent earlier could reach the kernel that has ended.
    """
    async with scene(server, WAITS, "print(1)") as there:
        await there.page.run(WAITS, there.cells[0])
        await there.until_bob("line 1\n")
        await asyncio.to_thread(server.ask, "POST", f"api/kernels/{there.page.kernel}/restart")
        await there.page.open()
        asked = await there.page.run("print(1)", there.cells[1])
        await there.page.until_done(asked)
        await there.until_bob("1\n", 1)
        assert there.page.outputs(asked) == []
        assert DIED not in printed(there.bob, 0)


async def test_late_output_of_an_earlier_run(server: LocalServer) -> None:
    """A thread of a cell prints after the cell has ended, and its output is there. Once the cell is run again, it is not taken for the new output."""
    code = (
        "import threading, time\nkernel = get_ipython().kernel\nparent = kernel.get_parent('shell')\n"
        "def say(text):\n"
        "    content = {'name': 'stdout', 'text': text}\n"
        "    kernel.session.send(kernel.iopub_socket, 'stream', content, parent, ident=b'stream')\n"
        "def late():\n    time.sleep(0.5); say('late\\n'); time.sleep(2); say('too late\\n')\n"
        "threading.Thread(target=late).start()"
    )
    async with scene(server, code) as there:
        await there.run()
        await there.until_bob("late\n")
        asked = await there.page.run("time.sleep(4); print('new')", there.cells[0])
        await there.page.until_done(asked)
        await there.bob.wait_until(lambda room: printed(room) == "new\n")


UNSUPPORTED = """
import sys
sys.modules["jupyterhub_collab.patches.server.kernel_messages"] = None
"""


async def test_server_that_cannot_write_output_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents are protected as before, the page writes the output, and the log and `verify` say why."""
    with server_with(tmp_path, monkeypatch, UNSUPPORTED) as server:
        told = server.ask("GET", "api/collaboration-protection")
        assert told["problem"] == ""
        assert told["output"].startswith("The output of a cell ends with its tab")
        assert told["output"] in server.log
        async with scene(server, "print('one')") as there:
            asked = await there.page.run("print('one')", there.cells[0])
            await there.page.until_done(asked)
            assert there.page.outputs(asked) == ["stream"]
            assert printed(there.bob) == ""


FORGETFUL = """
from jupyterhub_collab.patches.server import kernel_messages
kernel_messages.CHECK_SECONDS = 0.2
"""


async def test_request_that_gets_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel never gets a request. The notebook is closed all the same, once nobody has it open."""
    options = (
        "--MappingKernelManager.allowed_message_types=kernel_info_request",
        "--YDocExtension.document_cleanup_delay=0.1",
    )
    with server_with(tmp_path, monkeypatch, FORGETFUL, *options) as server:
        async with scene(server, "print(1)") as there:
            await there.page.run("print(1)", there.cells[0])
            await asyncio.sleep(1)
        await until(lambda: "Deleting Y document from memory" in server.log)


@pytest.mark.parametrize(("how", "said"), [(signal.SIGTERM, STOPPED), (signal.SIGKILL, KILLED)])
async def test_server_ends_while_a_cell_runs(tmp_path: Path, how: signal.Signals, said: str) -> None:
    """What the cell has output is kept, and the cell says that it did not finish."""
    server = LocalServer(tmp_path)
    server.start()
    try:
        async with scene(server, WAITS) as there:
            await there.page.run(WAITS, there.cells[0])
            await there.until_bob("line 5\n")
            await until(lambda: "line 1\n" in saved(server))
            await asyncio.to_thread(server.end, how)
        if how == signal.SIGTERM:
            assert "line 5\n" in saved(server)
            assert saved(server).endswith(said)
        server.start()
        back = await server.open("run.ipynb")
        assert "line 5\n" in printed(back)
        await back.wait_until(lambda room: printed(room).endswith(said))
        assert printed(back).count(said) == 1
        await until(lambda: saved(server) == printed(back))
        await back.vanish()
    finally:
        server.kill()


async def test_times_are_recorded_without_a_tab(server: LocalServer) -> None:
    """The page records when its cell ran. If it has gone, the server does."""
    async with scene(server, WAITS) as there:
        await there.page.run(WAITS, there.cells[0], recordTiming=True)
        await there.until_bob("line 1\n")
        await there.page.close()
        server.write("go", "")
        await there.bob.wait_until(lambda room: "execution" in room.cells[0]["metadata"])
        times = there.bob.cells[0]["metadata"]["execution"]
        assert {*times} >= {"iopub.execute_input", "iopub.status.busy", "iopub.status.idle"}
        assert times["iopub.status.busy"] < times["iopub.status.idle"]


async def test_output_for_a_widget_reaches_the_page(server: LocalServer) -> None:
    """An Output widget takes the output of a cell. The page gets it, and the cell does not show it."""
    code = (
        "from comm import create_comm\nfrom IPython import get_ipython\n"
        "parent = get_ipython().kernel.get_parent('shell')['header']['msg_id']\n"
        "widget = create_comm(target_name='jupyter.widget', data={'state': {'msg_id': ''}})\n"
        "widget.send({'method': 'update', 'state': {'msg_id': parent}})\nprint('inside', flush=True)\n"
        "widget.send({'method': 'update', 'state': {'msg_id': ''}})\nprint('outside')"
    )
    async with scene(server, code) as there:
        asked = await there.page.run(code, there.cells[0])
        await there.page.until_done(asked)
        await there.until_bob("outside")
        assert printed(there.bob) == "outside\n"
        texts = [each["content"].get("text") for each in there.page.messages]
        assert "inside\n" in texts
        assert "outside\n" not in texts


@pytest.mark.long
async def test_copy_of_a_notebook(server: LocalServer) -> None:
    """A copy has cells with the same IDs. Output goes to the notebook whose kernel runs."""
    async with scene(server, "print(1)") as there:
        server.write("copy.ipynb", server.read("run.ipynb"))
        copy = await server.open("copy.ipynb")
        async with kernel_page(server, "copy.ipynb") as page:
            await page.until_done(await page.run("print(1)", there.cells[0]))
        await copy.wait_until(lambda room: printed(room) == "1\n")
        assert printed(there.bob) == ""
        await copy.vanish()


async def test_new_cell(server: LocalServer) -> None:
    """A cell that is run as soon as it is there, before the server knows it, as people and programs do."""
    async with scene(server, "") as there:
        await there.alice.drop()
        index = there.alice.append_cell("print('new')")
        cell = str(there.alice.cells[index]["id"])
        asked = await there.page.run("print('new')", cell)
        await there.alice.join()
        await there.bob.wait_until(lambda room: room.cell_count == 2 and printed(room, index) == "new\n")
        assert there.page.outputs(asked) == []


async def test_cell_is_run_as_people_run_it(server: LocalServer) -> None:
    """The tests' own person, whose websocket has messages in Jupyter's older form, gets the output of a cell from the document."""
    async with scene(server, "1 + 1") as there:
        url = there.page.url
        outputs = await there.alice.run_cell(0, Door(url, TOKEN))
        assert as_text(outputs) == "2"


SLOW = """
import time
from jupyterhub_collab.server.running import KernelRuns
take = KernelRuns.take

def slowly(*arguments):
    time.sleep(0.001)
    take(*arguments)

KernelRuns.take = slowly
"""


@pytest.mark.long
async def test_much_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """6 MB in 6000 lines are all there, even if the server is slow. ZeroMQ and Jupyter's own connection drop messages at that rate."""
    code = "for i in range(6000): print(i, 'x' * 1000, flush=True)"
    with server_with(tmp_path, monkeypatch, SLOW) as server:
        async with scene(server, code) as there:
            await there.page.run(code, there.cells[0])
            await there.until_bob("5999 x")
            assert [line.split()[0] for line in printed(there.bob).splitlines()] == [*map(str, range(6000))]


@pytest.mark.long
async def test_endless_output(server: LocalServer) -> None:
    """What a cell outputs is bounded, and the cell says so. Clearing its output makes room."""
    code = "for i in range(51): print('x' * 1_000_000)\nfrom IPython.display import clear_output\nprint('y')"
    async with scene(server, code, f"{code}; clear_output(); print('z')") as there:
        await there.page.run(there.alice.read(0), there.cells[0])
        await there.until_bob(TOO_LONG)
        assert "y" not in printed(there.bob)
        assert len(printed(there.bob)) < MOST_BYTES + 1000
        await there.page.run(there.alice.read(1), there.cells[1])
        await there.bob.wait_until(lambda room: printed(room, 1) == "z\n")
