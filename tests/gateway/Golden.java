import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import smartwatts.GoldenVectors;

/** {@code Golden MANIFEST COMMAND…}: the golden vectors of a manifest, run on a program. */
public final class Golden {
    private Golden() {}

    public static void main(String[] args) throws Exception {
        GoldenVectors golden = GoldenVectors.of(Files.readAllBytes(Paths.get(args[0])));
        try (PythonModel model = new PythonModel(Arrays.asList(args).subList(1, args.length))) {
            golden.check(model);
        }
        System.out.println("as it should");
    }
}
