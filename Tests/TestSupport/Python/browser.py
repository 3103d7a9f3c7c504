"""Pages in headless Chromium, over its debugging pipe: nothing but Python is needed. `browse` in Browser.swift puts it before a
test's own script, whose first argument is the browser.

Nothing here waits for a time: what is waited for is a condition, and PATIENCE only ends what will never come.
"""
import base64, fcntl, json, os, subprocess, sys, tempfile, time

PATIENCE = 120


class Browser:
    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ours, theirs = os.pipe(), os.pipe()
        commands = fcntl.fcntl(ours[0], fcntl.F_DUPFD, 20)
        answers = fcntl.fcntl(theirs[1], fcntl.F_DUPFD, 20)

        def connect():  # what Chromium reads is 3, what it writes 4
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "about:blank"],
            preexec_fn=connect, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for descriptor in (ours[0], theirs[1], commands, answers):
            os.close(descriptor)
        self.commands, self.answers, self.rest, self.number, self.pages = ours[1], theirs[0], b"", 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        self.profile.cleanup()

    def open(self, address, width=1600, height=1000, **options):
        """A page of its own, before its first script runs."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        page.size(width, height)
        page.go(address, **options)
        return page

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = dict(id=self.number, method=method, params=parameters)
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"error: {method}: {answer['error']}")
                return answer["result"]
            if answer.get("sessionId") in self.pages:
                self.pages[answer["sessionId"]].hear(answer["method"], answer["params"])

    def read(self):
        while b"\0" not in self.rest:
            part = os.read(self.answers, 1 << 16)
            if not part:
                sys.exit("error: Chromium ended")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)


class Page:
    """What it `complaints` about and asks for (`requests`) is kept."""

    def __init__(self, browser, session):
        self.browser, self.session, self.complaints, self.requests = browser, session, [], []
        browser.pages[session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def hear(self, event, told):
        if event == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"].get("exception", {}).get("description", "exception"))
        if event == "Runtime.consoleAPICalled" and told["type"] in ("warning", "error", "assert"):
            self.complaints.append(" ".join(str(value.get("value", value.get("description"))) for value in told["args"]))
        if event == "Log.entryAdded" and told["entry"]["level"] in ("warning", "error"):
            self.complaints.append(told["entry"]["text"])
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])

    def go(self, address, before="", offline=False):
        """`before` is a script that runs before the page's own."""
        if offline:
            self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        error = self.call("Page.navigate", url=address).get("errorText")
        if error:
            sys.exit(f"error: {address}: {error}")

    def size(self, width, height, scale=1, scheme="light"):
        isPhone = width < 700
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=isPhone)
        self.call("Emulation.setEmulatedMedia", features=[dict(name="prefers-color-scheme", value=scheme)])

    def value(self, expression):
        """Of an expression or, when it comes, of its promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def until(self, what, expression, isRight=bool):
        """The first value for which it holds; asked again and again, for as long as a slow machine may need."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.value(expression)
            if value is not None and isRight(value):
                return value
            time.sleep(0.02)
        sys.exit(f"error: waited {PATIENCE} s for {what}; the page says {self.value('document.body.innerText')!r}")

    def drawn(self):
        """Until what has changed is on the screen; `window.nextFrame` where a test has taken the page's own."""
        frame = "(window.nextFrame ?? requestAnimationFrame)"
        self.value(f"new Promise(done => {frame}(() => {frame}(() => done(1))))")

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def key(self, key, shift=False):
        text = dict(text=key) if len(key) == 1 else {}
        code = {" ": 32, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}[key]
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code="Space" if key == " " else key,
                      windowsVirtualKeyCode=code, modifiers=8 if shift else 0, **(text if kind == "keyDown" else {}))

    def picture(self, path, width, height, scale=1, scheme="light"):
        self.size(width, height, scale, scheme)
        self.drawn()
        image = self.call("Page.captureScreenshot", captureBeyondViewport=width < 700)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))
