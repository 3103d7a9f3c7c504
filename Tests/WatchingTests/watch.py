# Looks at the page of `mamba-dqn watch`.
#
# usage: CHROMIUM ADDRESS [PICTURES]
#
# Prints one JSON object: the points of all curves when they were first seen and when there were more, frames of the episode
# that plays inside, and what the page complained about. With PICTURES, a folder, leaves screenshots there: wide and phone, light
# and dark.
chromium, address, pictures = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
with Browser(chromium) as browser:
    page = browser.open(address)
    points = "Number(document.documentElement.dataset.points ?? 0)"
    first = page.until("a curve", points, lambda value: value > 1)
    more = page.until("the curve to grow", points, lambda value: value > first)
    frame = "Number(document.getElementById('episode').contentDocument?.documentElement.dataset.frame ?? 0)"
    before = page.until("an episode to play", frame, lambda value: value > 0)
    after = page.until("it to play on", frame, lambda value: value != before)
    # A run that says nothing for half a minute, as it may on a machine with much else to do, is not called running meanwhile.
    page.until("the run to be called running", "document.getElementById('counts').textContent", lambda text: text == "1 running")
    result = dict(first=first, more=more, frames=[before, after], title=page.value("document.title"),
                  episode=page.value("document.documentElement.dataset.episode"),
                  rows=page.value("document.querySelectorAll('#rows tr').length"),
                  text=page.value("document.body.innerText"))
    if pictures:
        for scheme in ("light", "dark"):
            page.picture(f"{pictures}/wide-{scheme}.png", 1600, 1000, 1, scheme)
            page.picture(f"{pictures}/phone-{scheme}.png", 390, 844, 2, scheme)
    print(json.dumps(dict(result, complaints=page.complaints)))
