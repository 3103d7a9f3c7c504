"""Looks at a page of `mamba-dqn watch` in headless Chromium, over its debugging pipe (nothing but Python is needed).

usage: browser.py CHROMIUM ADDRESS [PICTURES]

Prints one JSON object: the points of all curves when they were first seen and when there were more, frames of the episode
that plays inside, and what the page complained about. With PICTURES, a folder, leaves screenshots there: wide and phone, light
and dark.
"""
import base64, fcntl, json, os, subprocess, sys, tempfile, time

PATIENCE = 120


class Page:
    def __init__(self, chromium, profile):
        ours, theirs = os.pipe(), os.pipe()
        commands = fcntl.fcntl(ours[0], fcntl.F_DUPFD, 20)
        answers = fcntl.fcntl(theirs[1], fcntl.F_DUPFD, 20)

        def connect():  # what Chromium reads is 3, what it writes 4
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for descriptor in (ours[0], theirs[1], commands, answers):
            os.close(descriptor)
        self.commands, self.answers, self.rest, self.number, self.session = ours[1], theirs[0], b"", 0, None
        self.complaints = []

    def read(self):
        while b"\0" not in self.rest:
            part = os.read(self.answers, 1 << 16)
            if not part:
                sys.exit("error: Chromium ended")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = dict(id=self.number, method=method, params=parameters)
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        while True:
            answer = self.read()
            if answer.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(answer["params"]["exceptionDetails"].get("exception", {}).get("description", "exception"))
            if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.complaints.append(answer["params"]["entry"]["text"])
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"error: {method}: {answer['error']}")
                return answer["result"]

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, what, expression, isRight):
        """The first value for which it holds; asked again and again, for as long as a slow machine may need."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.value(expression)
            if value is not None and isRight(value):
                return value
            time.sleep(0.05)
        sys.exit(f"error: waited {PATIENCE} s for {what}; the page says {self.value('document.body.innerText')!r}")

    def picture(self, path, width, height, scale, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 700)
        self.call("Emulation.setEmulatedMedia", features=[dict(name="prefers-color-scheme", value=scheme)])
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        time.sleep(1.2)
        image = self.call("Page.captureScreenshot", captureBeyondViewport=width < 700)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))


def main():
    chromium, address, pictures = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Page(chromium, profile)
        try:
            target = page.call("Target.createTarget", url="about:blank")["targetId"]
            page.session = page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                page.call(domain + ".enable")
            page.call("Emulation.setDeviceMetricsOverride", width=1600, height=1000, deviceScaleFactor=1, mobile=False)
            page.call("Page.navigate", url=address)
            points = "Number(document.documentElement.dataset.points ?? 0)"
            first = page.until("a curve", points, lambda value: value > 1)
            more = page.until("the curve to grow", points, lambda value: value > first)
            frame = "Number(document.getElementById('episode').contentDocument?.documentElement.dataset.frame ?? 0)"
            before = page.until("an episode to play", frame, lambda value: value > 0)
            after = page.until("it to play on", frame, lambda value: value != before)
            result = dict(first=first, more=more, frames=[before, after], title=page.value("document.title"),
                          episode=page.value("document.documentElement.dataset.episode"),
                          rows=page.value("document.querySelectorAll('#rows tr').length"),
                          text=page.value("document.body.innerText"))
            if pictures:
                for scheme in ("light", "dark"):
                    page.picture(f"{pictures}/wide-{scheme}.png", 1600, 1000, 1, scheme)
                    page.picture(f"{pictures}/phone-{scheme}.png", 390, 844, 2, scheme)
            print(json.dumps(dict(result, complaints=page.complaints)))
        finally:
            page.process.terminate()
            page.process.wait()


main()
