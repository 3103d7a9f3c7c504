/// What means the same in every scene has one colour: words, what came out right or wrong, what asks for attention.

enum Palette {
  static let text = Scene.Colour(light: 0x1f2328ff, dark: 0xe6e8ebff)
  static let muted = Scene.Colour(light: 0x66707cff, dark: 0x98a1abff)
  /// On paper and on lit signs, which are bright on dark pages too.
  static let ink = Scene.Colour(0x1f2328ff)
  static let right = Scene.Colour(light: 0x1f8f5fff, dark: 0x2fd08fff)
  static let wrong = Scene.Colour(light: 0xd9381eff, dark: 0xff6b57ff)
  static let cue = Scene.Colour(light: 0xe39b00ff, dark: 0xffc53dff)
  /// Behind what moves through an empty room.
  static let air = Scene.Paint.vertical(
    top: Scene.Colour(light: 0xeef3fbff, dark: 0x151b26ff), bottom: Scene.Colour(light: 0xdde5f2ff, dark: 0x0f131bff))
}
