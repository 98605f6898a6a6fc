package smartwatts;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/**
 * The rule of alerts on cases of a file: a row {@code threshold,step,fall,most} begins one, and each
 * {@code hour,loud,nines,family,rise} is an hour of it. Prints the number of each, and whether it is a slow rise.
 * Every tenth hour the rule goes on from its state.
 */
public final class AlertCases {
    private AlertCases() {}

    public static void main(String[] args) throws IOException {
        AlertPolicy policy = null;
        double threshold = 0;
        AlertPolicy.Limit limit = AlertPolicy.Limit.FIXED;
        int rows = 0;
        for (String line : Files.readAllLines(Paths.get(args[0]))) {
            String[] row = line.split(",");
            if (row.length == 4) {
                threshold = Double.parseDouble(row[0]);
                limit = new AlertPolicy.Limit(
                        Double.parseDouble(row[1]), Double.parseDouble(row[2]), Double.parseDouble(row[3]));
                policy = new AlertPolicy(true, threshold, limit);
                continue;
            }
            long hour = Long.parseLong(row[0]);
            double nines = Double.parseDouble(row[2]);
            int number = policy.hour(hour, row[1].equals("1"), nines, Integer.parseInt(row[3]));
            int risen = number == 0 && row[4].equals("1") ? policy.risen(hour) : 0;
            System.out.println((number + risen) + "," + (risen > 0 ? 1 : 0));
            if (++rows % 10 == 0) {
                ByteArrayOutputStream state = new ByteArrayOutputStream();
                policy.write(new DataOutputStream(state));
                policy = new AlertPolicy(true, threshold, limit);
                policy.read(new DataInputStream(new ByteArrayInputStream(state.toByteArray())));
            }
        }
    }
}
