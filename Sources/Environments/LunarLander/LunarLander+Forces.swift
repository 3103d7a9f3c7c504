/// What moves the lander: wind and engines. Computed in double precision and rounded to Box2D's single precision at
/// the last moment, as Python does.
import CBox2D
import Foundation
import Randomness

extension LunarLander {
  /// Where in the endless wind an episode is. Two counters, one for the force, one for the torque.
  package struct Wind: Equatable, Sendable {
    package var offset: Int
    package var torqueOffset: Int

    /// -1 to 1; never periodic, because the two frequencies have no common multiple.
    static func strength(at offset: Int) -> Double {
      tanh(sin(0.02 * Double(offset)) + sin(.pi * 0.01 * Double(offset)))
    }
  }

  /// Where the wind of the current episode stands. Means nothing without `enableWind`.
  package var currentWind: Wind { wind }

  /// The wind is felt in flight only: a standing leg shelters from it.
  func blow(on world: World) {
    let legs = world.legs
    if legs.left.touching || legs.right.touching { return }
    cbox2d_apply_force_to_center(world.box2D, world.landerIndex, Float(Wind.strength(at: wind.offset) * options.windPower), 0)
    cbox2d_apply_torque(
      world.box2D, world.landerIndex, Float(Wind.strength(at: wind.torqueOffset) * options.turbulencePower))
    wind.offset += 1
    wind.torqueOffset += 1
  }

  /// One frame of an engine, as an impulse that acts at a slightly random point.
  func fire(_ action: Action, in world: World) {
    // Drawn whatever the action, so that the stream of draws does not depend on it.
    let dispersion0 = generator.uniform(-1, 1) / Geometry.scale
    let dispersion1 = generator.uniform(-1, 1) / Geometry.scale
    if action == .nothing { return }

    let lander = world.lander
    // The lander's axes: `tip` points up from it (x, y), `side` to its left.
    let tip = (x: sin(Double(lander.angle)), y: cos(Double(lander.angle)))
    let side = (x: -tip.y, y: tip.x)
    let mainPower = 13.0, sidePower = 0.6

    if action == .main {
      let along = Geometry.mainEngineDown + 2 * dispersion0
      let x = tip.x * along + side.x * dispersion1
      let y = -tip.y * along - side.y * dispersion1
      push(world, x: -x * mainPower, y: -y * mainPower, atX: Double(lander.x) + x, y: Double(lander.y) + y)
    } else {
      let direction = action == .left ? -1.0 : 1
      let across = 3 * dispersion1 + direction * Geometry.sideEngineAway
      let x = tip.x * dispersion0 + side.x * across
      let y = -tip.y * dispersion0 - side.y * across
      push(
        world, x: -x * sidePower, y: -y * sidePower, atX: Double(lander.x) + x - tip.x * Geometry.sideEngineSlip,
        y: Double(lander.y) + y + tip.y * Geometry.sideEngineUp)
    }
  }

  private func push(_ world: World, x: Double, y: Double, atX pointX: Double, y pointY: Double) {
    cbox2d_apply_linear_impulse(world.box2D, world.landerIndex, Float(x), Float(y), Float(pointX), Float(pointY))
  }
}
