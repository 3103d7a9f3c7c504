#!/usr/bin/env python3
"""Looks for better settings with Optuna. A trial is a `mamba-dqn train` process on a training seed of its own (1000 + its
number); its evaluations are reported as they come, and a trial that lags behind is stopped. The best trial becomes
OUT/winner.yaml, a preset for `mamba-dqn train --preset`, and is trained again, as is what it started from, on seeds that the
search never saw, and judged on episodes that it never saw: that is what is reported.

  scripts/tune.py highway-fast-v0 --preset paper --n-trials 40

Killed and started again it goes on: with the study in its storage, with each unfinished trial at its checkpoint. Several
processes, on several machines too, share a study with the same --study-name and a --storage that all of them reach. The
search space is scripts/tune-space.yaml, or your own.
"""
import argparse, difflib, fcntl, json, os, pathlib, resource, shlex, shutil, signal, socket, subprocess, sys, threading, time, warnings

root = pathlib.Path(__file__).resolve().parent.parent
program = root / ".build/release/mamba-dqn"
# Training seeds of trials; the winner is trained on 0, 1, 2 …
FIRST_SEED = 1000
# Trials are judged by evaluation.json, whose episodes begin at seed 0.
FRESH_EPISODES = 1_000_000
# Seconds; a trial whose process has been silent for four of them is begun again by whoever is there.
HEARTBEAT = 15


def number(low, high):
    def read(text):
        value = int(text) if text.isdecimal() else -1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number from {low} to {high}")
        return value
    return read


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: fail(message, 64)
    parser.add_argument("environment")
    parser.add_argument("--preset", default="default", help="where every trial starts from (default: %(default)s)")
    parser.add_argument("--set", dest="assignments", metavar="KEY=VALUE", action="append", default=[], help="fixed in every trial")
    parser.add_argument("--steps", type=number(1, 10**9), help="of a trial and of the final runs (default: the preset's)")
    parser.add_argument("--space", type=pathlib.Path, default=root / "scripts/tune-space.yaml")
    parser.add_argument("--n-trials", type=number(1, 10**6), help="that this process begins (default: 40)")
    parser.add_argument("--max-total-trials", type=number(1, 10**6), help="of all processes together, earlier ones included")
    parser.add_argument("--n-jobs", type=number(1, 1024), default=os.cpu_count(), help="trials side by side (default: one a core)")
    parser.add_argument("--sampler", choices=["tpe", "random", "cmaes"], default="tpe")
    parser.add_argument("--pruner", choices=["median", "hyperband", "none"], default="median")
    parser.add_argument("--n-startup-trials", type=number(0, 10**6), default=8, help="drawn at random, not pruned (default: 8)")
    parser.add_argument("--n-evaluations", type=number(1, 1000), default=10, help="of a trial on its way (default: 10)")
    parser.add_argument("--eval-episodes", type=number(1, 10_000), default=20, help="of each (default: 20)")
    parser.add_argument("--study-name", help="(default: ENVIRONMENT-PRESET)")
    parser.add_argument("--storage", help="sqlite:///FILE or postgresql://USER@HOST/NAME (default: OUT/study.db)")
    parser.add_argument("--out", type=pathlib.Path, help="the folder of this study's runs (default: runs/tune/STUDY-NAME)")
    parser.add_argument("--seed", type=number(0, 2**32 - 1), default=0, help="of the sampler")
    parser.add_argument("--final-seeds", type=number(0, FIRST_SEED), default=5, help="that the winner is judged on (default: 5)")
    options = parser.parse_args()
    if options.n_trials is None and options.max_total_trials is None:
        options.n_trials = 40
    plain = lambda text: "".join(letter if letter.isalnum() and letter.isascii() or letter in "._-" else "-" for letter in text)
    options.study_name = options.study_name or plain(f"{options.environment}-{pathlib.Path(options.preset).stem}")
    options.out = options.out or pathlib.Path("runs/tune") / plain(options.study_name)
    return options


def fail(message, status=1):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def settings(options, assignments=(), preset=None):
    """What every setting, and `--steps`, is in a run with these, as text; whatever `train` would refuse is refused."""
    command = [program, "list", "settings", "--json", "--env", options.environment, "--preset", preset or options.preset]
    done = subprocess.run(command + flags(assignments), capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1].removeprefix("error: "))
    return {row["key"]: row["value"] for row in map(json.loads, done.stdout.splitlines())}


def flags(assignments):
    return [word for assignment in assignments for word in ("--set", assignment)]


# --- the search space


class Space:
    """`text` is what two processes must agree on."""

    def __init__(self, path, options, base):
        import yaml
        self.base = {**base, "environment": options.environment.split("?")[0]}
        fixed = {assignment.split("=")[0] for assignment in options.assignments}
        try:
            node = yaml.compose(path.read_text(), Loader=yaml.BaseLoader)
        except OSError as error:
            fail(f"{path}: {error.strerror}")
        except (yaml.MarkedYAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            fail(f"{path}:{mark.line + 1 if mark else 1}: malformed YAML: {getattr(error, 'problem', None) or error}")
        if not isinstance(node, yaml.MappingNode) or not node.value:
            fail(f"{path}:1: a space is a list of `setting: values`")
        self.axes, lines = {}, {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            try:
                if key.value not in base:
                    near = difflib.get_close_matches(key.value, base, 1)
                    raise ValueError(f"unknown setting{f'; did you mean {near[0]}?' if near else ''}")
                if key.value in self.axes:
                    raise ValueError("is given twice")
                self.axes[key.value] = axis(yaml.BaseLoader("").construct_document(value))
                for name in self.axes[key.value]["when"]:
                    if name not in self.base:
                        raise ValueError(f"when: unknown setting {name}")
                    if name in lines and lines[name] > line or name == key.value:
                        raise ValueError(f"when: {name} is chosen later")
            except ValueError as error:
                fail(f"{path}:{line}: {key.value}: {error}")
            lines[key.value] = line
        self.axes = {key: axis_ for key, axis_ in self.axes.items() if key not in fixed}
        for key, axis_ in self.axes.items():
            # Tried with what it goes with; what only some trials meet is left to them.
            others = [f"{name}={values[0]}" for name, values in axis_["when"].items() if name in self.axes]
            if all(self.base[name] in values for name, values in axis_["when"].items() if name not in self.axes):
                for value in axis_["choices"] or (axis_["low"], axis_["high"]):
                    try:
                        settings(options, [*options.assignments, *others, f"{key}={shown(value)}"])
                    except ValueError as error:
                        fail(f"{path}:{lines[key]}: {error}")
        self.text = json.dumps(self.axes, sort_keys=True)

    @staticmethod
    def allows(axis_, chosen):
        return all(chosen[name] in values for name, values in axis_["when"].items())

    def suggest(self, trial):
        """`key=value` of every setting that this trial chooses."""
        chosen = dict(self.base)
        for key, axis_ in self.axes.items():
            if not self.allows(axis_, chosen):
                continue
            low, high = axis_["low"], axis_["high"]
            if axis_["choices"]:
                choices = axis_["choices"]
                value = trial.suggest_categorical(key, choices) if len(choices) > 1 else choices[0]
            elif axis_["complement"]:
                value = 1 - trial.suggest_float(f"1-{key}", 1 - high, 1 - low, log=axis_["log"])
            elif isinstance(low, int) and isinstance(high, int):
                value = trial.suggest_int(key, low, high, log=axis_["log"])
            else:
                value = trial.suggest_float(key, low, high, log=axis_["log"])
            chosen[key] = shown(value)
        return [f"{key}={chosen[key]}" for key in self.axes if not same(chosen[key], self.base[key])]

    def start(self):
        """The parameters of what the search starts from, as far as the space holds them."""
        found = {}
        for key, axis_ in self.axes.items():
            text, choices = self.base[key], axis_["choices"]
            if not self.allows(axis_, self.base) or choices and len(choices) == 1:
                continue
            if choices:
                found |= next(({key: choice} for choice in choices if same(choice, text)), {})
            elif axis_["low"] <= float(text) <= axis_["high"]:
                whole = isinstance(axis_["low"], int) and isinstance(axis_["high"], int)
                found |= {f"1-{key}": 1 - float(text)} if axis_["complement"] else {key: int(text) if whole else float(text)}
        return found


def axis(found):
    """One line of a space, every field there."""
    found = {"choices": found} if isinstance(found, list) else found
    names = ["choices", "low", "high", "log", "complement", "when"]
    if not isinstance(found, dict) or any(name not in names for name in found):
        raise ValueError(f"must be a list of values, or some of {', '.join(names)}")
    result = {"choices": found.get("choices"), "low": None, "high": None, "when": {}}
    for name in ("log", "complement"):
        if found.get(name, "false") not in ("true", "false"):
            raise ValueError(f"{name} must be true or false")
        result[name] = found.get(name) == "true"
    if result["choices"] is None:
        try:
            for name in ("low", "high"):
                text = found[name]
                result[name] = int(text) if text.lstrip("-").isdecimal() else float(text)
        except (KeyError, ValueError, TypeError, AttributeError):
            raise ValueError("low and high must be numbers")
        if not result["low"] < result["high"]:
            raise ValueError(f"low={found['low']} must be below high={found['high']}")
        if result["log"] and (1 - result["high"] if result["complement"] else result["low"]) <= 0:
            raise ValueError("a logarithmic scale begins above 0")
    elif not isinstance(result["choices"], list) or not result["choices"] or not all(isinstance(one, str) for one in result["choices"]):
        raise ValueError("choices must be a list of values")
    when = found.get("when", {})
    if not isinstance(when, dict):
        raise ValueError("when must be {setting: value}")
    for name, values in when.items():
        result["when"][name] = values if isinstance(values, list) else [values]
    return result


def same(a, b):
    return a == b or isnumber(a) and isnumber(b) and float(a) == float(b)


def isnumber(text):
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def shown(value):
    """As `--set` takes it: four digits say more than a search can."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- trials


class TrialFailed(Exception):
    pass


class Interrupted(Exception):
    pass


class Search:
    def __init__(self, options, space, steps):
        self.options, self.space, self.steps = options, space, steps
        self.stopping = threading.Event()
        self.failures = 0

    def train(self, trial):
        """The command that runs the trial, and its folder: at the checkpoint of one that was cut short, where that is here."""
        options, folder = self.options, self.options.out / f"trial-{trial.number}"
        assignments = [*options.assignments, *self.space.suggest(trial)]
        trial.set_user_attr("settings", assignments)
        continued = trial.user_attrs.get("continues", {})
        earlier = pathlib.Path(continued.get("folder", ""))
        if continued.get("host") == socket.gethostname() and (earlier / "config.json").exists():
            folder, command = earlier, [program, "resume", earlier]
        else:
            interval = max(1, self.steps // options.n_evaluations)
            own = [f"evaluationInterval={interval}", f"checkpointInterval={interval}", f"evaluationEpisodes={options.eval_episodes}"]
            command = [program, "train", options.environment, "--preset", options.preset, "--steps", str(self.steps), "--seed",
                       str(FIRST_SEED + trial.number), "--out", folder, *flags(own + assignments)]
        trial.set_user_attr("folder", str(folder.resolve()))
        trial.set_user_attr("host", socket.gethostname())
        return command, folder

    def objective(self, trial):
        start = time.time()
        try:
            command, folder = self.train(trial)
            value = self.watch(trial, command, folder)
            trial.set_user_attr("seconds", round(time.time() - start, 1))
            return value
        except TrialFailed as failure:
            trial.set_user_attr("error", str(failure))
            say(f"trial {trial.number} failed: {failure}")
            raise
        except Interrupted:
            again(trial.study, trial)
            raise
        except BaseException as error:
            # The storage went away: the other trials stop too. A pruned one is none of their business.
            if type(error).__name__ != "TrialPruned":
                self.stopping.set()
            raise

    def watch(self, trial, command, folder):
        import optuna
        log = self.options.out / f"{folder.name}.log"
        with open(log, "ab") as output:
            # A trial ends with whoever started it.
            process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True)
        reported = 0
        try:
            while True:
                ended = process.poll() is not None
                if self.stopping.is_set() and not ended:
                    raise Interrupted()
                for mean in evaluations(folder)[reported:]:
                    reported += 1
                    trial.report(mean, reported)
                    if trial.should_prune() and not ended:
                        say(f"trial {trial.number} pruned after evaluation {reported} of {self.options.n_evaluations}: {mean:.2f}")
                        raise optuna.TrialPruned()
                if ended:
                    break
                time.sleep(0.2)
        except BaseException:
            stop(process)
            if isinstance(sys.exception(), optuna.TrialPruned):
                shutil.rmtree(folder / "checkpoints", ignore_errors=True)
            raise
        if process.returncode:
            if self.stopping.is_set():
                raise Interrupted()
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("error: ") or "Fatal error" in line]
            raise TrialFailed(lines[-1].removeprefix("error: ") if lines else f"ended with status {process.returncode}; its log is {log}")
        value = json.loads((folder / "evaluation.json").read_text())["summary"]["mean"]
        say(f"trial {trial.number}: {value:.2f}  {' '.join(trial.user_attrs['settings'])}")
        return value

    def ended(self, study, trial):
        """Stops where there are enough, and where nothing works."""
        states = [one for one in study.get_trials(deepcopy=False) if one.state.name in ("COMPLETE", "PRUNED", "RUNNING") or "error" in one.user_attrs]
        if self.stopping.is_set() or self.options.max_total_trials and len(states) >= self.options.max_total_trials:
            study.stop()
        self.failures = self.failures + 1 if "error" in trial.user_attrs else 0
        if self.failures >= 10:
            study.stop()


def evaluations(folder):
    """Means of a run's evaluations so far."""
    import numpy
    try:
        with numpy.load(folder / "evaluations.npz") as file:
            return [float(mean) for mean in file["results"].mean(axis=1)]
    except FileNotFoundError:
        return []


def again(study, trial):
    """A trial that was cut short, once more from where it was."""
    continued = {key: trial.user_attrs[key] for key in ("folder", "host") if key in trial.user_attrs}
    study.enqueue_trial(trial.params, user_attrs={"continues": continued})


def stop(process):
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def say(text):
    print(text, flush=True)


# --- the study


def open_study(options, space, steps, attempts=5):
    import optuna, sqlalchemy
    options.out.mkdir(parents=True, exist_ok=True)
    url = options.storage or f"sqlite:///{options.out / 'study.db'}"
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=options.n_startup_trials, multivariate=True, group=True, seed=options.seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=options.seed),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(n_startup_trials=options.n_startup_trials, seed=options.seed),
    }
    pruners = {
        "median": lambda: optuna.pruners.MedianPruner(options.n_startup_trials, n_warmup_steps=options.n_evaluations // 3),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=options.n_evaluations),
        "none": optuna.pruners.NopPruner,
    }
    try:
        shown_url = sqlalchemy.engine.make_url(url).render_as_string()
        patience = {"connect_timeout": 10} if url.startswith("postgresql") else {"timeout": 60}
        storage = optuna.storages.RDBStorage(
            url, engine_kwargs={"connect_args": patience, "pool_pre_ping": True}, heartbeat_interval=HEARTBEAT, grace_period=4 * HEARTBEAT,
            heartbeat_stale_trial_callback=again)
        study = optuna.create_study(storage=storage, study_name=options.study_name, direction="maximize", load_if_exists=True,
                                    sampler=samplers[options.sampler](), pruner=pruners[options.pruner]())
        search = {"environment": options.environment, "preset": options.preset, "fixed": options.assignments, "steps": steps,
                  "n_evaluations": options.n_evaluations, "eval_episodes": options.eval_episodes, "space": space.text}
        known = study.user_attrs.get("search")
        if known is None:
            if any(options.out.glob("trial-*")):
                fail(f"{options.out}: holds trials of another study than the new one in {shown_url}; give another --study-name, or move it away")
            study.set_user_attr("search", search)
            study.enqueue_trial(space.start())
        elif other := next((key for key in search if known.get(key) != search[key]), None):
            what = "another search space" if other == "space" else f"{other}={known.get(other)}"
            fail(f"--study-name {options.study_name}: is in use in {shown_url} with {what}; give another name", 64)
        return study
    except sqlalchemy.exc.ArgumentError:
        fail("--storage: must be sqlite:///FILE or postgresql://USER@HOST/NAME", 64)
    except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError, optuna.exceptions.DuplicatedStudyError) as error:
        # Another process makes the same tables, or the same study, at this moment.
        if not attempts:
            fail(f"--storage {shown_url}: {reason(error)}")
        time.sleep(1)
        return open_study(options, space, steps, attempts - 1)
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ImportError) as error:
        fail(f"--storage {shown_url}: {reason(error)}")


def reason(error):
    """The database's own words, on one line."""
    error = chain(error)[-1]
    return " ".join(str(error).split()) or type(error).__name__


def chain(error):
    """The error and what led to it, the first cause last."""
    found = [error]
    while cause := found[-1].__cause__ or found[-1].__context__:
        found.append(cause)
    return found


def one_at_a_time(ask, path):
    """Two that ask at once may be given the same waiting trial where the database, as SQLite, locks no rows."""
    def locked(*arguments, **named):
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return ask(*arguments, **named)
    return locked


def search_for(study, options, search):
    study.ask = one_at_a_time(study.ask, options.out / ".ask.lock")
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: search.stopping.set())
    done = sum(one.state.name in ("COMPLETE", "PRUNED") or "error" in one.user_attrs for one in study.get_trials(deepcopy=False))
    if options.max_total_trials is None or done < options.max_total_trials:
        study.optimize(search.objective, n_trials=options.n_trials, n_jobs=options.n_jobs, catch=(TrialFailed, Interrupted),
                       callbacks=[search.ended])
    if search.stopping.is_set():
        end_early()
    trials = study.get_trials(deepcopy=False)
    if not any(one.state.name == "COMPLETE" for one in trials):
        errors = [one.user_attrs["error"] for one in trials if "error" in one.user_attrs]
        fail(f"no trial of {options.study_name} came to its end{f'; the last error: {errors[-1]}' if errors else ''}")


def end_early():
    say(f"stopped, checkpoints saved. Go on with:\n  {shlex.join([sys.executable, *sys.argv])}")
    sys.exit(130)


# --- what is reported


def preset_file(path, options, steps, assignments, note):
    """A preset file needs a built-in one below it: another file is written out."""
    base = options.preset
    if base.endswith((".yaml", ".yml")):
        own, default = settings(options), settings(options, preset="default")
        base, assignments = "default", [f"{key}={value}" for key, value in own.items() if value != default[key]] + assignments
    lines = [f"# {note}", f"environment: {json.dumps(options.environment)}", f"preset: {base}", f"steps: {steps}"]
    last = dict(assignment.split("=", 1) for assignment in assignments)
    if last:
        lines += ["settings:"] + [f"  {key}: {value if isnumber(value) or value.isalnum() else json.dumps(value)}" for key, value in last.items()]
    path.write_text("\n".join(lines) + "\n")


def fresh(preset, name, options, encoder, stopping):
    """Mean return of OUT/PRESET.yaml on every fresh seed, on fresh episodes. The runs are a study, OUT/NAME: what is trained
    already is not trained again."""
    study = options.out / f"{name}.yaml"
    study.write_text(f"name: {name}\nenvironment: {json.dumps(options.environment)}\npreset: {json.dumps(str(options.out / preset))}\n"
                     f"models: [{encoder}]\nseeds: {list(range(options.final_seeds))}\n")
    log = options.out / f"{name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", program, "study", "run", study, "--root", options.out, "--jobs",
                                    str(options.n_jobs)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    while process.poll() is None:
        if stopping.wait(0.2):
            stop(process)
            end_early()
    if process.returncode:
        fail(f"the runs on fresh seeds, {log}: {log.read_text(errors='replace').strip().splitlines()[-1]}")
    runs = [options.out / name / f"{encoder}-s{seed}" for seed in range(options.final_seeds)]
    text = subprocess.run([program, "evaluate", *runs, "--seed", str(FRESH_EPISODES), "--json"], check=True, capture_output=True, text=True).stdout
    reports = [json.loads(text)] if len(runs) == 1 else [json.loads(line) for line in text.splitlines()]
    return [report["summary"]["mean"] for report in reports]


def interval(means):
    """95% of a percentile bootstrap over seeds."""
    import numpy
    draws = numpy.random.default_rng(0).choice(means, (10_000, len(means))).mean(axis=1)
    return numpy.quantile(draws, [0.025, 0.975])


def report(study, options, steps, base, stopping):
    best, trials = study.best_trial, study.get_trials(deepcopy=False)
    chosen = best.user_attrs["settings"]
    count = {state: sum(one.state.name == state for one in trials) for state in ("COMPLETE", "PRUNED")}
    failed = sum("error" in one.user_attrs for one in trials)
    note = f"Trial {best.number} of {options.study_name}, the best of {sum(count.values()) + failed} (scripts/tune.py)"
    preset_file(options.out / "winner.yaml", options, steps, chosen, note)
    preset_file(options.out / "start.yaml", options, steps, options.assignments, f"What {options.study_name} started from")
    lines = [f"{sum(count.values()) + failed} trials: {count['COMPLETE']} to the end, {count['PRUNED']} pruned, {failed} failed; "
             f"best in the search: {best.value:.2f}, trial {best.number}", f"preset: {options.out / 'winner.yaml'}"]
    say("\n".join(lines))
    if not options.final_seeds:
        return
    say(f"training the start and the winner on {options.final_seeds} fresh seeds each …")
    encoder = dict(assignment.split("=", 1) for assignment in chosen).get("encoder", base["encoder"])
    found = {"start": fresh("start.yaml", "start-seeds", options, base["encoder"], stopping),
             "winner": fresh("winner.yaml", f"winner-{best.number}-seeds", options, encoder, stopping)}
    table = [f"mean return of 100 greedy episodes (seeds from {FRESH_EPISODES}), over training seeds 0 to {options.final_seeds - 1}:"]
    for name, means in found.items():
        low, high = interval(means)
        table.append(f"  {name:8} {sum(means) / len(means):8.2f}   95% interval {low:.2f} to {high:.2f}   worst seed {min(means):.2f}")
    say("\n".join(table))
    (options.out / "report.txt").write_text("\n".join(lines + table) + "\n")


def main():
    options = arguments()
    try:
        import optuna
    except ImportError:
        fail("optuna is not installed for this Python; `make tune` installs it in .venv and runs this", 64)
    if not program.exists():
        fail(f"{program} is not there; run `make build` first")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    try:
        base = settings(options, options.assignments)
        steps = options.steps or int(base["--steps"])
    except ValueError as error:
        fail(error, 64)
    space = Space(options.space, options, base)
    study = open_study(options, space, steps)
    import sqlalchemy
    storage_errors = (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError)
    # A heartbeat's thread that meets a dead storage has nothing to add to what is said here.
    threading.excepthook = lambda event: None if isinstance(event.exc_value, storage_errors) else threading.__excepthook__(event)
    try:
        search = Search(options, space, steps)
        search_for(study, options, search)
        report(study, options, steps, base, search.stopping)
    except Exception as error:
        # Optuna stumbles over its own clean-up when the storage is gone: what counts is what began it.
        if not any(isinstance(one, storage_errors) for one in chain(error)):
            raise
        fail(f"the storage of {options.study_name} went away: {reason(error)}; the same command goes on once it is back")
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    say(f"processor time of this process and its runs: {sum(one.ru_utime + one.ru_stime for one in used) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
