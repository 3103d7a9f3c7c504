# Opens pages of episodes from the disk with the network cut off and uses them as their last line says: space plays, arrows step,
# home, end, a click on a curve, the slider, the speed. Every fault is a line of standard error.
#
# usage: CHROMIUM PAGE…
WIDTHS = (320, 390, 600, 601, 899, 900, 1440, 2560)  # on both sides of every change of the layout

faults = []


class Episode:
    def __init__(self, browser, path):
        self.name = os.path.basename(path)
        # Every frame that is shown, in order.
        watch = """
            window.seen = [];
            new MutationObserver(() => {
              const frame = Number(document.documentElement?.dataset.frame ?? -1);
              if (frame >= 0 && frame !== seen.at(-1)) seen.push(frame);
            }).observe(document, {attributes: true, subtree: true, attributeFilter: ["data-frame"]});
        """
        self.page = browser.open("file://" + path, before=watch, offline=True)

    def check(self, what, isRight, *seen):
        if not isRight:
            faults.append(f"{self.name}: {what}: {seen}")

    def at(self):
        return self.page.value("Number(document.documentElement.dataset.frame)")

    def state(self):
        return self.page.value("document.documentElement.dataset.state")

    def middle(self, selector, across=0.5):
        """Where a click on it goes, once it is in sight."""
        return self.page.value(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}});
            const area = element.getBoundingClientRect();
            return [area.left + {across} * area.width, area.top + area.height / 2];
        }})()""")

    def click(self, selector, across=0.5):
        self.page.click(*self.middle(selector, across))

    def pick(self, selector, value):
        self.page.value(f"""(() => {{
            const list = document.querySelector({json.dumps(selector)});
            list.value = {value};
            list.dispatchEvent(new Event("change"));
        }})()""")

    def after(self, seconds):
        """Seconds of its clock pass, which is the test's own from here on."""
        self.page.value(f"pass({1000 * seconds})")

    def run(self):
        page = self.page
        page.until("the page", "document.readyState === 'complete' && document.getElementById('scrub') !== null")
        # By itself, from the beginning, one frame after the other.
        seen = page.until("it to play", "seen.length > 2 ? seen : null")
        self.check("plays from the beginning", seen[0] == 0 and seen == sorted(seen), seen)
        page.value("""(() => {
            let clock = performance.now(), waiting = [];
            window.nextFrame = requestAnimationFrame.bind(window);
            performance.now = () => clock;
            window.requestAnimationFrame = task => waiting.push(task);
            window.pass = time => { clock += time; const tasks = waiting; waiting = []; for (const task of tasks) task(clock); };
        })()""")
        last = page.value("Number(document.getElementById('scrub').max)")
        rate = page.value("JSON.parse(document.getElementById('data').textContent).episodes[0].fps")
        steps = page.value("JSON.parse(document.getElementById('data').textContent).episodes[0].chosen.length")
        perStep = last / steps

        page.key("Home")
        self.check("home", (self.at(), self.state()) == (0, "paused"), self.at(), self.state())
        self.after(1)
        self.check("stands while it is paused", self.at() == 0, self.at())
        page.key("ArrowRight")
        self.check("a step on", self.at() == perStep, self.at())
        page.key("ArrowRight", shift=True)
        self.check("ten steps on", self.at() == min(11 * perStep, last), self.at())
        page.key("Home")
        page.key("ArrowRight")
        page.key("ArrowLeft")
        self.check("a step back", self.at() == 0, self.at())

        # Plays at the environment's own speed, or as many times as fast.
        for speed in (1, 2, 0.5):
            page.key("Home")
            self.pick("#speed", speed)
            page.key(" ")
            self.check("space plays", self.state() == "playing", self.state())
            for part in (1, 2):
                self.after(2.02 / rate / speed)  # two frames and a little
                self.check(f"at {speed} times its speed", self.at() == min(2 * part, last), self.at())
            if last > 4:
                page.key(" ")
                self.check("space stops", self.state() == "paused", self.state())
        page.key("Home")
        self.click("#play")
        self.check("the button plays", self.state() == "playing", self.state())
        page.key(" ")  # which presses the button again
        self.check("space stops, also where the button was pressed last", self.state() == "paused", self.state())
        self.click("#scene")
        self.check("a click on the scene plays", self.state() == "playing", self.state())

        self.click("#scrub")
        self.check("the slider", abs(self.at() - last / 2) <= 1 + last / 50 and self.state() == "paused", self.at(), last)
        self.click("#charts .plot", 0.9)
        self.check("a click on a curve", 0.6 * last < self.at() <= last, self.at(), last)

        # To the end, and from there again from the beginning.
        page.key(" ")
        self.pick("#speed", 16)
        self.after(1e6)
        self.check("the end", (self.at(), self.state()) == (last, "ended"), self.at(), self.state())
        page.key("End")
        self.check("end", (self.at(), self.state()) == (last, "ended"), self.at(), self.state())
        said = page.value("document.getElementById('clock').textContent")
        self.check("says how it ended", any(said.endswith(word) for word in ("terminated", "truncated")), said)
        page.key(" ")
        self.check("plays again", (self.at(), self.state()) == (0, "playing"), self.at(), self.state())

        if page.value("!document.getElementById('chooser').hidden"):
            self.pick("#episode", 1)
            self.check("another episode plays", (self.at(), self.state()) == (0, "playing"), self.at(), self.state())
        self.widths()
        self.check("complains of nothing", not page.complaints, page.complaints)
        outside = [address for address in page.requests if not address.startswith(("file:", "data:"))]
        self.check("asks for nothing else", not outside, outside)

    def widths(self):
        """Nothing is wider than the page, and nothing moves while it plays."""
        places = """[...document.querySelectorAll("#stage, #scene, #scrub, #speed, #play, .panel, .plot canvas")].map(element => {
            const {left, top, width, height} = element.getBoundingClientRect();
            return [left, top + scrollY, width, height].map(Math.round).join();
        })"""
        wide = """(() => {
            const limit = document.documentElement.clientWidth;
            return [document.documentElement.scrollWidth > limit ? "the page" : "", ...[...document.querySelectorAll("body *")]
                .filter(element => element.getBoundingClientRect().right > limit + 0.5).map(element => element.outerHTML.slice(0, 60))]
                .filter(Boolean);
        })()"""
        for width in WIDTHS:
            self.page.size(width, 900)
            self.page.until(f"{width} pixels", "innerWidth", lambda seen: seen == width)
            self.page.drawn()  # it has heard of its new size
            self.page.key("Home")
            begin, sticking = self.page.value(places), self.page.value(wide)
            self.check(f"as wide as its {width} pixels", not sticking, sticking)
            self.page.key("End")
            moved = [pair for pair in zip(begin, self.page.value(places)) if pair[0] != pair[1]]
            self.check(f"nothing moves at {width} pixels", not moved, *moved[:2])


with Browser(sys.argv[1]) as browser:
    for path in sys.argv[2:]:
        Episode(browser, path).run()
for fault in faults:
    print(fault, file=sys.stderr)
print(len(sys.argv) - 2, "pages")
sys.exit(1 if faults else 0)
