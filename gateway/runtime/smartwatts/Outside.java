package smartwatts;

import java.time.LocalDate;

/** What some forecasting files want beside the meter; {@code smartwatts models inspect} shows their inputs. */
public interface Outside {
    /** Whether a day is a public holiday, of the country that the file's details name ({@code outside}). */
    boolean isHoliday(LocalDate day);

    /**
     * Degrees Celsius in an hour of the wall clock, past or forecast; NaN where unknown. A {@link LocalHours} of
     * temperatures has them: {@code temperatures::mean}.
     */
    float temperature(long hour);
}
