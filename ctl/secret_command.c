#include <stdlib.h>

#include "base/secret.h"
#include "ctl/subcommands.h"

int secret_command(struct common_options *common, int argc, char **argv)
{
    char why[400];
    int at = options_words(common, NULL, 1, argc, argv);
    if (at == argc || argv[at][0] == '\0')
        options_refuse("secret needs the file to make");
    if (secret_make(argv[at], why, sizeof(why))) {
        printf("made %s; copy it to the other node, and let it belong to the user of mcd "
               "there and here\n",
               argv[at]);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "mcreplctl: %s\n", why);
    return EXIT_NOT;
}
