package smartwatts;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/**
 * The rule of alerts on cases of a file: a row {@code age,threshold,step,fall,most} begins one, and each
 * {@code hour,loud,nines,family,rise} is an hour of it. Prints the number of each, and whether it is a slow rise.
 * Every tenth hour the rule goes on from its state, where its {@code age} is {@code old} from one of before there were
 * limits; where the age is {@code next}, from that of the case before, as with another file.
 */
public final class AlertCases {
    private AlertCases() {}

    public static void main(String[] args) throws IOException {
        AlertPolicy policy = null;
        double threshold = 0;
        AlertPolicy.Limit limit = AlertPolicy.Limit.FIXED;
        boolean old = false;
        int rows = 0;
        for (String line : Files.readAllLines(Paths.get(args[0]))) {
            String[] row = line.split(",");
            if (row[0].equals("old") || row[0].equals("new") || row[0].equals("next")) {
                old = row[0].equals("old");
                threshold = Double.parseDouble(row[1]);
                limit = new AlertPolicy.Limit(
                        Double.parseDouble(row[2]), Double.parseDouble(row[3]), Double.parseDouble(row[4]));
                AlertPolicy before = policy;
                policy = new AlertPolicy(true, threshold, limit);
                if (row[0].equals("next")) {
                    goOn(before, policy, false);
                }
                continue;
            }
            long hour = Long.parseLong(row[0]);
            double nines = Double.parseDouble(row[2]);
            int number = policy.hour(hour, row[1].equals("1"), nines, Integer.parseInt(row[3]));
            double by = Double.parseDouble(row[4]);
            int risen = number == 0 && by >= 0 ? policy.risen(hour, by) : 0;
            System.out.println((number + risen) + "," + (risen > 0 ? 1 : 0));
            if (++rows % 10 == 0) {
                AlertPolicy before = policy;
                policy = new AlertPolicy(true, threshold, limit);
                goOn(before, policy, old);
            }
        }
    }

    private static void goOn(AlertPolicy before, AlertPolicy after, boolean old) throws IOException {
        ByteArrayOutputStream state = new ByteArrayOutputStream();
        before.write(new DataOutputStream(state));
        before.writeLimit(new DataOutputStream(state));
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(state.toByteArray()));
        after.read(in);
        if (!old) {
            after.readLimit(in);
        }
    }
}
