"""Words of column names and registers, by what they speak of. Lower case; German, English,
Dutch, French, Italian, Spanish, Portuguese, Danish, Norwegian, Swedish, Finnish, Polish."""

from __future__ import annotations

__all__ = [
    "APPLIANCES",
    "COMPOUNDS",
    "ENERGY",
    "EXPORT",
    "GENERIC",
    "GRID",
    "IMPORT",
    "NET",
    "NO_READING",
    "OF_THE_ROW",
    "POWER",
    "PRODUCTION",
    "QUALITY",
    "ROLES",
    "TARIFFS",
    "THINGS",
    "WHOLE",
    "words",
]


def words(text: str) -> frozenset[str]:
    """Words that a text lists."""
    return frozenset(text.split())


ROLES = {
    "end": words(
        "lõpp vége konec kraj "
        "end ending ended until to stop bis ende endzeit til slut slutt slutttid loppu loppuaika "
        "fin fine hasta tot einde do do_kiedy tom ate até"
    ),
    "stamp": words(
        "timestamp time times datetime date start starting started from begin beginning zeit datum "
        "datumzeit zeitstempel uhrzeit zeitpunkt von ab ts unix epoch unixtime moment fecha hora "
        "data ora giorno heure horodate horodatage debut début tijd tijdstip tijdstempel aika "
        "aikaleima alkuaika alku päivämäärä pvm tid tidspunkt tidpunkt tidsstämpel dato tag "
        "starttime endtime startzeit localminute utc local recorded read stamp interval periode "
        "fra från day hour desde inicio inizio van czas godzina messzeitpunkt messzeit minute "
        "algus aeg kuupäev čas cas datums laiks idő időpont dátum tarih saat תאריך מועד שעה "
        "timeslot bucket dag klokkeslæt klokkeslett period zeitraum intervall month"
    ),
    "device": words(
        "device deviceid meter meterid meternumber mpan mprn ean nmi esiid id dataid lclid "
        "household home house site customer customerid zähler zählpunkt zählernummer zaehler "
        "zaehlpunkt zählpunktbezeichnung zählpunktnummer messstelle messlokation malo melo "
        "målepunkt målepunktid målerpunkt maalepunkt mittauspisteen mittauspiste gsrn "
        "anläggningsid metering meteringpointid cups pod prm pdl cpe entity entityid station "
        "serial statistic icp consumerid user userid panel"
    ),
    "unit": words(
        "unit units uom einheit yksikkö yksikkötyyppi måleenhed enhed enhet unità unita unité "
        "unite eenheid unidad unidade jednostka"
    ),
    "register": words(
        "register registertype tariff rate channel direction obis obiscode code category zählwerk "
        "sensor stream type kind flow suffix"
    ),
    "interval": words(
        "duration resolution resoluutio length dauer auflösung pas oppløsning opløsning resolutie "
        "upplösning"
    ),
    "factor": words("factor multiplier faktor umrechnungsfaktor wandlerfaktor"),
    "value": words(
        "consumption consumed usage use used energy power value values reading readings verbrauch "
        "stromverbrauch energieverbrauch gesamtverbrauch hausverbrauch energie leistung "
        "wirkleistung lastgang strom wert messwert consommation conso consommé puissance active "
        "valeur consumo consumi energia energía potenza potencia verbruik verbruikt waarde stroom "
        "forbrug strømforbrug forbruk förbrukning elförbrukning energi effekt värde verdi kulutus "
        "sähkö energian määrä arvo teho mængde mengde volume volym quantity load demand aggregate "
        "tarbimine tootmine spotřeba spotreba odběr fogyasztás suvartojimas patēriņš tüketim צריכה "
        "electricity electric delivered received production produced produktion generation "
        "generated net netto house overall total whole main mains grid solar pv zużycie moc "
        "wartość kwh wh kw w mw watt watts wattage mwh kwhr"
    ),
}
"""Roles of columns."""

COMPOUNDS = (
    ("zeitpunkt", "stamp"), ("zeitstempel", "stamp"), ("datum", "stamp"), ("zeit", "stamp"),
    ("verbrauch", "value"), ("leistung", "value"), ("bezug", "value"), ("zählerstand", "value"),
    ("einspeisung", "value"), ("verbruik", "value"), ("levering", "value"), ("forbrug", "value"),
    ("forbruk", "value"), ("förbrukning", "value"), ("kulutus", "value"), ("energie", "value"),
)  # fmt: skip
"""How compounds end, and the role that this shows."""

EXPORT = words(
    "export exported exports injection injected injectie injecté injectée returned return surplus "
    "feed fed feedin outflow einspeisung netzeinspeisung eingespeist rückspeisung rücklieferung "
    "einspeiseleistung teruglevering teruggeleverd terug invoeding ingevoed surplusgeneration "
    "inyección inyectada vertida vertido excedente excedentes excedentaria immissione immessa "
    "injeção injetada inmatning salg anto oddana oddanie wprowadzona received togrid sold verkauf "
    "sell as dodávka dodavka exportada exportado betáplálás betáplált visszatáplálás atiduota "
    "nodotā "
    "predana injectat injectată veriş"
)
"""What a home feeds into the grid."""
IMPORT = words(
    "import imported imports offtake inflow afname afgenomen bezug netzbezug strombezug "
    "restnetzbezug bezogen levering geleverd delivered uttag otto pobór pobrana prelievo prelevata "
    "odběr odber soutirage soutiré soutirée prélèvement prelevement prélevé prélevée zugekauft "
    "fromgrid purchased bought kauf buy ae importada importado vételezés vételezett prejeta "
    "preuzeta çekiş køb kjøp köp ostettu"
)
"""What a home takes from the grid."""
PRODUCTION = words(
    "production produced produktion produziert produzione prodotta producción producida produção "
    "produsert produceret producerad tuotanto produkcja erzeugung erzeugt generation generated "
    "generación generada generazione gen geração opwek opgewekt zonnepanelen solar pv photovoltaic "
    "tootmine produksjon výroba vyroba termelés üretim photovoltaik panels ertrag yield zonne "
    "solaire aurinko "
    "solarproduktion solarerzeugung solarertrag solarleistung pvproduktion pverzeugung pvertrag "
    "pvleistung paneles fotovoltaica fotovoltaico"
)
"""What panels of a home make."""
WHOLE = words(
    "mains main use usage used consumption consumed total overall whole aggregate house household "
    "home net_consumption verbrauch stromverbrauch gesamtverbrauch hausverbrauch energieverbrauch "
    "verbraucht consommation conso consommé consumo consumi verbruik verbruikt forbrug forbruk "
    "tarbimine spotřeba spotreba fogyasztás suvartojimas patēriņš tüketim consum צריכה "
    "förbrukning kulutus zużycie load demand lastgang global site value wert valeur valore waarde "
    "verdi zählerstand zaehlerstand stand meterstand index counter cumulative lifetime värde værdi "
    "arvo mængde mengde määrä volume volym quantity reading"
)
"""What a home draws as a whole."""
NET = words("net netto netted saldo balance")
"""What passes a home's supply in sum."""
GRID = words("grid netz red réseau rete")
"""The supply."""
GENERIC = words(
    "energy power active electricity electric electrical energie energia energía leistung "
    "wirkleistung wirkarbeit strom stroom potenza potencia puissance energi effekt teho moc kwh wh "
    "kw w mwh mw kwhs whs kilowatt kilowatts kilowatthour kilowatthours watt watts kwatts wattage "
    "avg average mean mittel in per interval hh half hour hourly 15min 15 30 60 min value meter "
    "the of from to is p e ea we period hours registado registada registrado registrada"
)
"""Words that tell nothing of a column's part."""
ENERGY = words(
    "energy energie énergie energia energía energi energian enerji wirkarbeit energieverbrauch"
)
"""Words that say energy."""
POWER = words(
    "power leistung wirkleistung puissance potencia potenza vermogen potência teho effekt moc "
    "výkon demand watt watts wattage w kw avg average mean"
)
"""Words that say power, whatever else a name says."""
OF_THE_ROW = words(
    "revision created updated modified billing bill invoice processed inserted exported quality "
    "status estimated validated notes note comment qualität kvalitet laatu calidad kwaliteit "
    "qualité"
)
"""What is said of a row and not of its reading."""
QUALITY = words(
    "quality status validity qualität kvalitet kvalitetskod laatu calidad kwaliteit qualité "
    "qualità validatiestatus datenqualität messwertstatus statuswert stav jakość kvaliteet"
)
"""What a column is called that says how good the value of its line is."""
NO_READING = frozenset(
    {"missing", "no data", "nodata", "no_data", "no reading", "unavailable", "n/a", "not available"}
    | {"mangler", "mangler data", "manglende", "fehlt", "fehlend", "fehlender wert", "kein wert"}
    | {"keine daten", "nicht vorhanden", "puuttuu", "puuttuva", "saknas", "manquant", "manquante"}
    | {"absent", "absente", "pas de données", "ontbreekt", "ontbrekend", "geen data", "brak"}
    | {"brak danych", "falta", "sin datos", "sin lectura", "mancante", "assente", "chybí"}
    | {"em falta", "sem dados", "puudub"}
)
"""What it says where a number beside it is none, though it may be 0; lower case."""
THINGS = words(
    "plug socket outlet switch relay topic name label tag source node point circuit breaker probe "
    "appliance item object load address mac sn imei equipment phase leg line input gerät geraet "
    "gerätename fühler quelle messpunkt steckdose apparat apparaat stekker appareil capteur prise "
    "dispositivo sensore presa enchufe enhed laite anturi pistorasia urządzenie czujnik gniazdko "
    "zařízení čidlo zásuvka"
)
"""What a file may have several of, each with power of its own."""
TARIFFS = words(
    "t1 t2 t3 t4 tariff tarif tarief tariffa tarifa rate low high normal peak offpeak off day "
    "night dag nacht tag nat natt nuit jour dal piek ht nt hp hc hphp hchp hchc hphc f1 f2 f3 "
    "punta llano valle vazio cheias ponta p1 p2 p3 p4 p5 p6 niedertarif hochtarif laag hoog heures "
    "pleines creuses bleu blanc rouge shoulder super overnight"
)
"""Words of the tariffs of one meter."""
APPLIANCES = words(
    "fridge refrigerator freezer kettle microwave oven stove cooker hob range dishwasher washer "
    "washing dryer drier clotheswasher drye tumble tv television computer pc server router heater "
    "heating boiler furnace heatpump heat pump hvac ac aircon air airconditioner conditioning "
    "cooling fan light lights lighting lamp kitchen bedroom bathroom bath living livingroom garage "
    "office attic basement cellar laundry hall porch shed barn pool spa sauna jacuzzi ev car "
    "charger wallbox toaster coffee iron vacuum outlets outlet plug plugs socket sockets circuit "
    "water waterheater hotwater well compressor humidifier dehumidifier disposal wine utility "
    "workshop studio den dining kühlschrank gefrierschrank waschmaschine trockner spülmaschine "
    "geschirrspüler herd backofen wasserkocher wärmepumpe waermepumpe heizung klimaanlage "
    "fernseher koelkast vriezer wasmachine droger vaatwasser warmtepomp frigo congelatore "
    "lavatrice lavastoviglie forno réfrigérateur congélateur chauffe chauffage nevera lavadora "
    "lavavajillas horno varmepumpe värmepump køleskab kylskåp jääkaappi kiuas lämpöpumppu "
    "submetering sub"
)
"""Words of single consumers."""
