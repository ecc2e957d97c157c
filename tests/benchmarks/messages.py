"""Measures requests to a kernel, decoding of messages, and a flood of output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import zmq
from jupyter_client.session import Session as PeerSession

from kerneltui import BlockingKernelClient, start_new_kernel
from kerneltui.protocol.message import parent_id
from kerneltui.protocol.wire import Session
from tests.benchmarks.bare import BareClient
from tests.benchmarks.harness import Row, medians, ratio_row, seconds

REQUEST_ROUNDS = 300
DECODE_ROUNDS = 7
DECODED = 5_000  # messages a round
FLOOD_ROUNDS = 5
FLOOD = 5_000  # display updates; each is a message, which prints are not
FLOOD_CODE = f"""\
from IPython.display import display
handle = display(0, display_id=True)
for number in range({FLOOD}):
    handle.update(number)
"""


def rows() -> Iterator[Row]:
    yield decode_row()
    manager, client = start_new_kernel()
    context = zmq.Context()
    bare = BareClient(context, manager.get_connection_info())
    bare.wait_for_ready()
    yield execute_row(client, bare)
    yield flood_row(client, bare)
    bare.close()
    context.term()
    client.stop_channels()
    manager.shutdown_kernel(now=True)


# -- decoding ----


def decode_row() -> Row:
    """Compare the time to decode one message, with a new session that has the kernel's key."""
    frames = conversation()
    took = medians(
        {"ours": lambda: decode_all(frames), "peer": lambda: peer_decode_all(frames)}, DECODE_ROUNDS
    )
    ours, peer = (took[name] / len(frames) for name in ("ours", "peer"))
    return ratio_row("decode a message", ours, peer, "peer", at_most=0.2)


def conversation() -> list[list[bytes]]:
    """Return messages as a kernel publishes them for cells, in the usual proportions."""
    kernel = PeerSession(key=b"a key")
    texts = [f"line {number} of what a cell prints, no longer than usual\n" for number in range(6)]
    frames: list[list[bytes]] = []
    while len(frames) < DECODED:
        request = kernel.msg("execute_request", {"code": "run()"})
        said: list[tuple[str, dict[str, Any]]] = [
            ("status", {"execution_state": "busy"}),
            ("execute_input", {"code": "run()", "execution_count": 1}),
            *(("stream", {"name": "stdout", "text": text}) for text in texts),
            ("execute_result", {"data": {"text/plain": "42"}, "metadata": {}}),
            ("status", {"execution_state": "idle"}),
        ]
        for msg_type, content in said:
            message = kernel.msg(msg_type, content, parent=request)
            frames.append(kernel.serialize(message, ident=f"kernel.{msg_type}".encode()))
    return frames


def decode_all(frames: list[list[bytes]]) -> float:
    session = Session(b"a key")

    def run() -> None:
        for each in frames:
            session.decode(each)

    return seconds(run)


def peer_decode_all(frames: list[list[bytes]]) -> float:
    session = PeerSession(key=b"a key")

    def run() -> None:
        for each in frames:
            session.deserialize(session.feed_identities(each)[1])

    return seconds(run)


# -- a live kernel ----


def execute_row(client: BlockingKernelClient, bare: BareClient) -> Row:
    ways = {"ours": lambda: execute_ours(client), "bare": lambda: execute_bare(bare)}
    took = medians(ways, REQUEST_ROUNDS)
    return ratio_row("execute round trip", took["ours"], took["bare"], "bare", at_most=1.15)


def execute_ours(client: BlockingKernelClient) -> float:
    """Return the seconds from a request to its reply; the kernel is idle before and after."""
    replies: list[Any] = []
    took = seconds(lambda: replies.append(client.execute("pass", reply=True)))
    wait_for_idle(client, parent_id(replies[0]))
    return took


def execute_bare(bare: BareClient) -> float:
    asked: list[str] = []
    took = seconds(lambda: asked.append(bare.execute("pass")))
    bare.wait_for_idle(asked[0])
    return took


def wait_for_idle(client: BlockingKernelClient, msg_id: str) -> int:
    count = 0
    while True:
        message = client.get_iopub_msg()
        count += 1
        idle = message["content"].get("execution_state") == "idle"
        if idle and parent_id(message) == msg_id:
            return count


def flood_row(client: BlockingKernelClient, bare: BareClient) -> Row:
    ways = {"ours": lambda: flood_ours(client, bare), "bare": lambda: flood_bare(client, bare)}
    took = medians(ways, FLOOD_ROUNDS)
    ours, other = (FLOOD / took[name] for name in ("ours", "bare"))
    return ratio_row(
        "live flood, messages a second",
        ours,
        other,
        "bare",
        at_least=0.9,
        show=lambda rate: f"{rate:.0f}",
    )


def flood_ours(client: BlockingKernelClient, bare: BareClient) -> float:
    msg_id = client.execute(FLOOD_CODE)
    took = seconds(lambda: wait_for_idle(client, msg_id))
    bare.wait_for_idle(msg_id)
    return took


def flood_bare(client: BlockingKernelClient, bare: BareClient) -> float:
    content = {"code": FLOOD_CODE, "silent": False, "store_history": True, "allow_stdin": False}
    msg_id = bare.send(bare.shell, "execute_request", content)
    took = seconds(lambda: bare.wait_for_idle(msg_id))
    wait_for_idle(client, msg_id)
    return took
