package smartwatts;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/**
 * The rule of alerts on cases of a file: a row {@code threshold} begins one, and each {@code hour,loud,nines,family}
 * is an hour of it. Prints the number of the alert of each. Every tenth hour the rule goes on from its state.
 */
public final class AlertCases {
    private AlertCases() {}

    public static void main(String[] args) throws IOException {
        AlertPolicy policy = null;
        double threshold = 0;
        int rows = 0;
        for (String line : Files.readAllLines(Paths.get(args[0]))) {
            String[] row = line.split(",");
            if (row.length == 1) {
                threshold = Double.parseDouble(row[0]);
                policy = new AlertPolicy(true, threshold);
                continue;
            }
            double nines = Double.parseDouble(row[2]);
            int family = Integer.parseInt(row[3]);
            System.out.println(policy.hour(Long.parseLong(row[0]), row[1].equals("1"), nines, family));
            if (++rows % 10 == 0) {
                ByteArrayOutputStream state = new ByteArrayOutputStream();
                policy.write(new DataOutputStream(state));
                policy = new AlertPolicy(true, threshold);
                policy.read(new DataInputStream(new ByteArrayInputStream(state.toByteArray())));
            }
        }
    }
}
