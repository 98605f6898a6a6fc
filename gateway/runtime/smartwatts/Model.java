package smartwatts;

import java.util.Map;

/**
 * A model file at work: what the app fills with LiteRT's CompiledModel or Interpreter, or with another binding.
 * It may throw what it likes; whoever called the library then goes on from the last state that was kept.
 */
public interface Model {
    /** Outputs by name from inputs by name: float32 of one window, in the order of memory (last axis fastest). */
    Map<String, float[]> run(Map<String, float[]> inputs);
}
