// swift-tools-version: 6.2
// The house: every room is a target, every arrow a dependency. An arrow that is not here does not exist
// (`make` builds with --explicit-target-dependency-import-check error).
import Foundation
import PackageDescription

// Swift's SIMD types become vector instructions only when clang's importer is told the architecture; without it a SIMD8
// multiply-add turns into eight calls of fmaf. AVX2 and FMA are the least; where the machine that builds has AVX-512, its
// wider registers are used (the same bits, a tenth faster). `MachineSupport` checks the processor before `main` runs.
#if arch(x86_64)
  let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  let hasAVX512 = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"].allSatisfy { processor.contains(" \($0)") }
  let architecture =
    hasAVX512
    ? ["-march=x86-64-v4", "-Xclang", "-target-feature", "-Xclang", "-prefer-256-bit"] : ["-march=x86-64-v3"]
  let vectorised: [SwiftSetting] =
    [.unsafeFlags(architecture.flatMap { ["-Xcc", $0] })] + (hasAVX512 ? [.define("KERNELS_USE_AVX512")] : [])
  let machine: [CSetting] = hasAVX512 ? [.define("KERNELS_USE_AVX512")] : []
#else
  let vectorised: [SwiftSetting] = []
  let machine: [CSetting] = []
#endif
/// Inner loops: bounds and overflow checks off. Their callers check shapes; `assert` checks in debug builds.
let kernel: [SwiftSetting] = vectorised + [.unsafeFlags(["-Ounchecked"])]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = vectorised) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}
func tests(of name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = [], excluding: [String] = [])
  -> Target
{
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies, exclude: excluding,
    resources: resources,
    swiftSettings: vectorised)
}
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "LatentMambaDQN",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "mamba-dqn", targets: ["mamba-dqn"]),
    .library(name: "LatentMambaDQN", targets: ["Experiments", "Training", "Agents", "Networks", "Environments", "Records"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    // C, at the bottom
    .target(name: "MachineSupport", cSettings: machine),
    .systemLibrary(name: "CBLAS"),
    .systemLibrary(name: "CCairo"),
    // Its joint is a chain of dependent operations: packing two of them into one register only lengthens the chain, and
    // contracting a product would change Box2D's bits.
    .target(
      name: "CBox2D", cxxSettings: [.unsafeFlags(["-fno-slp-vectorize", "-ffp-contract=off"])],
      linkerSettings: [.linkedLibrary("box2d")]),

    // Leaves that any room may import
    room("Randomness"),
    room("Records"),
    room("Statistics", ["Randomness"]),

    // The compute core
    room("Kernels", ["CBLAS", "MachineSupport"], settings: kernel),
    room("Autograd", ["Kernels"]),
    room("Layers", ["Autograd", "Kernels", "Randomness"]),
    room("Optimizers", ["Autograd", "Layers", "Kernels"]),
    room("Networks", ["Layers", "Autograd", "Kernels", "Randomness", "Records"]),

    // The agent
    room("Replay", ["Randomness", "Records"]),
    room(
      "Agents",
      ["Networks", "Replay", "Optimizers", "Layers", "Autograd", "Kernels", "MachineSupport", "Randomness", "Records"]),

    // The world
    room("Environments", ["CBox2D", "MachineSupport", "Randomness"]),
    .target(
      name: "GymnasiumBridge", dependencies: ["Environments", "MachineSupport"],
      resources: [.embedInCode("Worker/guardian.py"), .embedInCode("Worker/gymnasium_worker.py")],
      swiftSettings: vectorised),

    // Episodes as pages, pictures and films
    .target(
      name: "Rendering", dependencies: ["Environments", "Records", "CCairo"],
      resources: [.embedInCode("Page/player.html"), .embedInCode("Page/player.css"), .embedInCode("Page/player.js")],
      swiftSettings: vectorised),

    // Where they meet
    room("Training", ["Agents", "Environments", "Replay", "Networks", "Randomness", "Records", "Statistics"]),
    room(
      "Experiments",
      [
        "Training", "Agents", "Environments", "GymnasiumBridge", "Networks", "Rendering", "Autograd", "Kernels", "Randomness",
        "Records", "Statistics", .product(name: "Yams", package: "Yams"),
      ]),
    // Trained agents as files for other programs
    .target(
      name: "Export", dependencies: ["Agents", "Networks", "Records"],
      resources: [.embedInCode("Resources/agent.h"), .embedInCode("Resources/agent.py"), .embedInCode("Resources/to_onnx.py")],
      swiftSettings: vectorised),
    room("Reports", ["Records", "Statistics"]),

    // The live page
    .target(
      name: "Watching",
      dependencies: [
        "Records", "Rendering", .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ],
      resources: [.embedInCode("Page/watch.html"), .embedInCode("Page/watch.css"), .embedInCode("Page/watch.js")],
      swiftSettings: vectorised),
    .executableTarget(
      name: "mamba-dqn",
      dependencies: [
        "Reports", "Statistics", "Watching", "Export",
        "Experiments", "Training", "Environments", "GymnasiumBridge", "Networks", "Rendering", "Records", "Kernels",
        "MachineSupport", argumentParser,
      ],
      swiftSettings: vectorised),

    // What docs/LatentMambaDQN.docc goes through
    .executableTarget(
      name: "OwnEnvironment", dependencies: ["Agents", "Environments", "Records", "Training"], path: "Examples/OwnEnvironment",
      swiftSettings: vectorised),
    .executableTarget(
      name: "EmbedAgent", dependencies: ["Agents", "Records"], path: "Examples/EmbedAgent", swiftSettings: vectorised),

    // Tests mirror the rooms
    .target(
      name: "TestSupport", dependencies: ["Records"], path: "Tests/TestSupport", exclude: ["Python"], swiftSettings: vectorised),
    tests(of: "Randomness", resources: [.copy("Golden")]),
    tests(of: "Records", ["Randomness"]),
    tests(of: "Statistics", resources: [.copy("Golden")]),
    tests(of: "Kernels", ["CBLAS", "MachineSupport", "Randomness"]),
    tests(of: "Autograd", ["Kernels", "Randomness"]),
    tests(of: "Layers", ["Networks", "Autograd", "Kernels", "Randomness", "Records"], resources: [.copy("Golden")]),
    tests(
      of: "Networks", ["Agents", "Layers", "Autograd", "Kernels", "Randomness", "Records", "Replay", "Optimizers"],
      resources: [.copy("Golden")]),
    tests(of: "Replay", ["Randomness", "Records"]),
    tests(
      of: "Agents",
      ["CBLAS", "MachineSupport", "Autograd", "Layers", "Networks", "Optimizers", "Randomness", "Records", "Replay"]),
    tests(of: "Environments", ["CBox2D", "Randomness"], resources: [.copy("Golden")]),
    tests(of: "Rendering", ["Environments", "CCairo"], excluding: ["play.py"]),
    tests(of: "GymnasiumBridge", ["Environments"], excluding: ["Python", "Golden"]),
    tests(of: "Training", ["Agents", "Environments", "Randomness", "Records"]),
    tests(of: "Export", ["Agents", "Networks", "Randomness", "Records"], excluding: ["agent_test.c", "agent_test.py"]),
    tests(of: "Reports", ["Records", "Statistics", "Randomness", .product(name: "Yams", package: "Yams")]),
    tests(of: "Watching", ["mamba-dqn", "Records"], excluding: ["watch.py"]),
    tests(
      of: "Experiments",
      ["mamba-dqn", "OwnEnvironment", "EmbedAgent", "Agents", "Environments", "Networks", "Records", "Training"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
