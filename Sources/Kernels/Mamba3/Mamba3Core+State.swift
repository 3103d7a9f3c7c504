/// What goes in and comes out: a row of state in the reference's order against angles and tiles in the kernel's.
///
/// k and v of the position before come in only through g_{−1} = ssm + e Σ_r v ⊗ k, with e = (1−λ_0) Δ_0; g has no k and v of
/// its own, so that after the last position, where e = 0, it is the reference's ssm.

extension Mamba3Core {
  /// Tiles [H, …] and angles [H, half] from a row of state, for a sequence whose first row is `row`; nil is zero.
  @inline(never) func begin(
    _ state: Input?, row: Int, mimoX: Output?, _ w: Mamba3Workspace, tiles: Output, angle: Output
  ) {
    tiles.update(repeating: 0, count: heads &* tileCount)
    angle.update(repeating: 0, count: heads &* half)
    guard let state else { return }
    var h = 0
    while h < heads {
      (angle + h &* half).update(from: state + h &* angles, count: angles)
      let before = beforeFirst(row, h, w), target = tiles + h &* tileCount
      var p = 0
      while p < headSize {
        let e = h &* headSize &+ p, v = before * state[valueOffset &+ e]
        var n = 0
        while n < states {
          var total = state[ssmOffset &+ e &* states &+ n]
          var r = 0
          while r < ranks {
            let scale = mimoX.map { $0[(h &* ranks &+ r) &* headSize &+ p] } ?? 1
            total += v * scale * state[keyOffset &+ (r &* heads &+ h) &* states &+ n]
            r &+= 1
          }
          target[place(n, p)] = total
          n &+= 1
        }
        p &+= 1
      }
      h &+= 1
    }
  }

  /// e of the position before `row`, the first of its sequence.
  @inline(__always) private func beforeFirst(_ row: Int, _ h: Int, _ w: Mamba3Workspace) -> Float {
    (1 - w.mix[row &* heads &+ h]) * w.step[row &* heads &+ h]
  }

  /// Angle, ssm and v after a sequence whose last row of the projection is `last`; k is written by `rotate`.
  @inline(never) func finish(tiles: Input, angle: Input, last: Input, into state: Output) {
    (state + valueOffset).update(from: last + xColumn, count: inner)
    var h = 0
    while h < heads {
      (state + h &* angles).update(from: angle + h &* half, count: angles)
      let tiles = tiles + h &* tileCount, target = state + ssmOffset &+ h &* headSize &* states
      var n = 0
      while n &+ 4 <= states {
        let s0 = tiles + place(n, 0), s1 = tiles + place(n &+ 1, 0), s2 = tiles + place(n &+ 2, 0), s3 = tiles + place(n &+ 3, 0)
        var p = 0
        while p < headSize {
          let c = channel(p)
          store(target + p &* states &+ n, SIMD4(s0[c], s1[c], s2[c], s3[c]))
          p &+= 1
        }
        n &+= 4
      }
      while n < states {
        var p = 0
        while p < headSize {
          target[p &* states &+ n] = tiles[place(n, p)]
          p &+= 1
        }
        n &+= 1
      }
      h &+= 1
    }
  }

  /// The gradients of the state that a sequence began from (added to), of Δ, λ of its first row, and of mimo_x.
  @inline(never) func beginBackward(
    _ state: Input, row: Int, parameters: Mamba3Parameters<Output>, _ w: Mamba3Workspace, adjoint: Input, angle: Input,
    dState: Output, dStep: Output, dMix: Output, dMimoX: Output?
  ) {
    var h = 0
    while h < heads {
      var s = 0
      while s < angles {
        dState[h &* angles &+ s] += angle[h &* half &+ s]
        s &+= 1
      }
      let before = beforeFirst(row, h, w), g = adjoint + h &* tileCount
      var dBefore: Float = 0
      var p = 0
      while p < headSize {
        let e = h &* headSize &+ p, v = state[valueOffset &+ e]
        var n = 0
        while n < states {
          dState[ssmOffset &+ e &* states &+ n] += g[place(n, p)]
          n &+= 1
        }
        var r = 0
        while r < ranks {
          let m = (h &* ranks &+ r) &* headSize &+ p, scale = parameters.mimoX?[m] ?? 1
          let key = keyOffset &+ (r &* heads &+ h) &* states
          var product: Float = 0
          n = 0
          while n < states {
            let d = g[place(n, p)]
            product += d * state[key &+ n]
            dState[key &+ n] += before * v * scale * d
            n &+= 1
          }
          dState[valueOffset &+ e] += before * scale * product
          dMimoX?[m] += before * v * product
          dBefore += v * scale * product
          r &+= 1
        }
        p &+= 1
      }
      dStep[row &* heads &+ h] += dBefore * (1 - w.mix[row &* heads &+ h])
      dMix[row &* heads &+ h] -= dBefore * w.step[row &* heads &+ h]
      h &+= 1
    }
  }
}
