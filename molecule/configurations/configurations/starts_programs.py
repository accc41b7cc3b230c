# Programs, processes, threads and tasks that start while the configuration is loaded, and go on.
import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
import time

if os.fork() == 0:
    time.sleep(1)
    os._exit(0)
subprocess.Popen(["sleep", "2"])
subprocess.run([sys.executable, "-c", "print('ready')"], check=True)
multiprocessing.get_context("fork").Process(target=time.sleep, args=(1,), daemon=True).start()
threading.Thread(target=time.sleep, args=(2,), daemon=True).start()


async def watch():
    while True:
        await asyncio.sleep(1)


try:
    TASK = asyncio.get_running_loop().create_task(watch())
except RuntimeError:
    TASK = None  # without a hub, as in a script that only reads the settings
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
